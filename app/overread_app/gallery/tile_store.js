// The tiles that are in sight or were a moment ago: labels, verdicts and JPEGs, by pages of their places in the list.
//
// What is kept is bounded, whatever the list's length; what is scrolled past before it came is not waited for.

const PAGE = 60;
const NUM_KEPT = 30; // pages
const NUM_ASKED = 2; // at once

// {status, head, tiles}: the tiles with `image`, a Blob or null where there is none. status 0: no connection.
async function askTiles(server, body, signal) {
  try {
    const response = await fetch(`${server.base}/gallery/tiles`, {
      method: "POST",
      headers: { Authorization: `Bearer ${server.ticket}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])]),
    });
    if (!response.ok) {
      const head = await response.json();
      if (head.isReplaced) server.askForTicket();
      return { status: response.status, head };
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    let place = bytes.indexOf(10);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, place++)));
    head.tiles.forEach((tile, i) => {
      const size = head.sizes[i] ?? 0;
      tile.image = size ? new Blob([bytes.subarray(place, place + size)], { type: "image/jpeg" }) : null;
      place += size;
    });
    return { status: response.status, head };
  } catch {
    return { status: 0, head: { message: say("server.no_connection") } };
  }
}

class TileStore {
  // on: {head(the server's word on the whole list), page(), trouble(message or "")}
  constructor(server, on) {
    this.server = server;
    this.on = on;
    this.reset();
  }

  reset() {
    for (const { abort } of this.asked?.values() ?? []) abort.abort();
    this.pages = new Map(); // page number to its tiles, the most recently used last
    this.asked = new Map(); // page number to {abort}
    this.total = null;
    this.attempt = 0;
  }

  tile(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  // Have the tiles from `first` to before `end`; no others are asked for any more.
  want(first, end) {
    const wanted = [];
    for (let page = Math.floor(first / PAGE); page * PAGE < end; page++) wanted.push(page);
    this.wanted = wanted;
    for (const [page, { abort }] of this.asked) {
      if (!wanted.includes(page)) {
        abort.abort();
        this.asked.delete(page);
      }
    }
    for (const page of wanted) {
      const tiles = this.pages.get(page);
      if (tiles) {
        this.pages.delete(page);
        this.pages.set(page, tiles);
      } else if (!this.asked.has(page) && this.asked.size < NUM_ASKED) this.ask(page);
    }
  }

  async ask(page) {
    const request = { abort: new AbortController() };
    this.asked.set(page, request);
    const body = { start: page * PAGE, count: PAGE, images: true };
    const { status, head } = await askTiles(this.server, body, request.abort.signal);
    if (this.asked.get(page) !== request) return; // nobody waits for it
    if (status !== 200) {
      this.on.trouble(head.message);
      if (RETRIED.includes(status)) await backOff(this.attempt++);
      if (this.asked.get(page) !== request) return;
      if (!RETRIED.includes(status)) return; // it stays asked, so that it is not asked again
    } else {
      if (this.attempt) this.on.trouble("");
      this.attempt = 0;
      this.pages.set(page, head.tiles);
      while (this.pages.size > NUM_KEPT) this.pages.delete(this.pages.keys().next().value);
      this.total = head.total;
      this.on.head(head);
    }
    this.asked.delete(page);
    this.on.page();
  }

  // The tiles from `first` to before `end`, also those that were never in sight; null where the server does not say.
  async range(first, end) {
    const found = Array.from({ length: end - first }, (_, i) => this.tile(first + i));
    if (found.every(Boolean)) return found;
    const { status, head } = await askTiles(this.server, { start: first, count: end - first });
    return status === 200 ? head.tiles : null;
  }

  // The images of tiles, a page at a time, as they come. show(tile, image)
  async images(tiles, show) {
    const kept = new Map([...this.pages.values()].flat().map(({ id, image }) => [id, image]));
    const missing = tiles.filter((tile) => !kept.get(tile.id));
    for (const tile of tiles) if (kept.get(tile.id)) show(tile, kept.get(tile.id));
    for (let place = 0; place < missing.length; place += PAGE) {
      const part = missing.slice(place, place + PAGE);
      const { status, head } = await askTiles(this.server, { ids: part.map(({ id }) => id), images: true });
      if (status !== 200) return;
      part.forEach((tile, i) => head.tiles[i].image && show(tile, head.tiles[i].image));
    }
  }

  // What the server now says of some tiles.
  patch(tiles) {
    const news = new Map(tiles.map((tile) => [tile.id, tile]));
    for (const page of this.pages.values()) {
      page.forEach((tile, i) => {
        if (news.has(tile.id)) page[i] = { ...news.get(tile.id), image: tile.image };
      });
    }
    this.on.page();
  }
}

// Paint a JPEG into a canvas, in its middle; `isStill()`: whether the canvas is still that tile's.
async function paintJpeg(canvas, image, isStill = () => true) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!image) return;
  const bitmap = await createImageBitmap(image);
  if (isStill()) {
    const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    context.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  }
  bitmap.close();
}
