// The gallery: many samples at once, selected together, decided together.

const MAX_SELECTED = 1000;
const RETRIED = [0, 500, 503];
const SIZE = "overread.gallery.size"; // in the browser's storage
const galleries = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!galleries.has(parentElement)) galleries.set(parentElement, new Gallery(parentElement, data));
  galleries.get(parentElement).take(data, setTriggerValue);
  return () => {
    galleries.get(parentElement).close();
    galleries.delete(parentElement);
  };
}

class Gallery {
  constructor(parent, data) {
    const { classes, critical } = data;
    this.root = parent.querySelector(".gallery");
    learn(data);
    writeTexts(this.root);
    this.find = (name) => this.root.querySelector(`.${name}`);
    this.classes = classes;
    tellApart(classes.map(({ name }) => name));
    this.server = new Server((ticket) => {
      this.isReplaced = true; // the page is drawn again, with a new ticket
      this.trigger("replaced", ticket);
    });
    this.selected = new Map(); // id to tile
    this.anchor = null; // where a range begins
    const look = { colours: new Map(classes.map(({ name, colour }) => [name, colour])), selected: this.selected, criticals: critical };
    this.store = new TileStore(this.server, {
      head: (head) => this.hear(head),
      page: () => this.grid.draw(),
      trouble: (text) => this.tell(text && say("gallery.no_images", { problem: text })),
    });
    this.grid = new Grid(this.find("grid"), this.store, look, {
      click: (index, event) => this.click(index, event),
      band: (places) => this.select(places),
      open: (index) => this.open(index),
    });
    this.confirm = new Confirm(this.root, this.store, look, { save: (...verdict) => this.save(...verdict) });
    this.change = new Name(this.find("change").firstChild);
    this.keep = new Name(this.find("keep").firstChild);
    this.find("change").onclick = () => this.decide("accept");
    this.find("keep").onclick = () => this.decide("reject");
    this.find("clear").onclick = () => this.clear();
    this.find("undo").onclick = (event) => event.detail <= 1 && this.undo();
    const choices = classes.map(({ name, key }) => {
      const isCritical = critical.includes(name);
      const textContent = isCritical ? say("gallery.one_at_a_time", { name }) : key ? say("gallery.with_key", { name, key }) : name;
      return Object.assign(make("option"), { value: name, textContent, disabled: isCritical });
    });
    this.find("classes").append(...choices);
    this.find("classes").onchange = ({ target }) => {
      const label = target.value;
      target.value = "";
      if (label) this.decide("relabel", label);
    };
    const size = this.find("size").querySelector("input");
    this.grid.size = size.value = Number(localStorage.getItem(SIZE)) || this.grid.size;
    size.oninput = () => {
      localStorage.setItem(SIZE, size.value);
      this.grid.size = Number(size.value);
      this.grid.layOut();
    };
    this.root.addEventListener("keydown", (event) => this.press(event));
  }

  take(data, trigger) {
    this.trigger = trigger;
    if (data.ticket === this.server.ticket) return;
    const isLost = this.isReplaced && this.selected.size > 0;
    this.isReplaced = false;
    this.server.set(data);
    this.store.reset();
    this.selected.clear();
    this.anchor = null;
    this.grid.active = 0;
    this.tell(isLost ? say("gallery.replaced") : "");
    this.showSelected();
    this.grid.element.scrollTop = 0;
    this.grid.layOut();
    this.grid.element.focus({ preventScroll: true });
  }

  hear({ total, last }) {
    if (this.total !== total || !this.find("total").textContent) {
      this.total = total;
      this.find("total").textContent = say(total ? "gallery.total" : "gallery.empty", { number: total });
      this.grid.layOut();
    }
    this.showLast(last);
  }

  showLast(last) {
    this.last = last;
    this.find("saved").textContent = this.find("saved").title = last ? say("gallery.last", { verdicts: last.text }) : "";
    this.find("undo").disabled = !last;
  }

  tell(text) {
    this.find("problem").textContent = text;
    this.find("problem").hidden = !text;
  }

  press(event) {
    if (this.confirm.isOpen || event.isComposing) return;
    const isField = event.target.closest?.("input, select");
    const inGrid = event.target === this.grid.element;
    const isAll = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a";
    const isCommand = event.ctrlKey || event.metaKey || event.altKey;
    let action = null;
    if (isAll && !isField) action = () => this.selectAll();
    else if (!isCommand && inGrid) action = this.gridAction(event);
    if (!action && !isCommand && !isField) action = this.letterAction(event.key.toLowerCase());
    if (!action) {
      // Streamlit's own shortcuts.
      if (!isCommand && ["c", "r"].includes(event.key.toLowerCase())) event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  gridAction({ key, shiftKey, repeat }) {
    const { active, columns } = this.grid;
    const page = columns * Math.max(1, Math.floor(this.grid.element.clientHeight / this.grid.rowPx));
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page };
    const to = { Home: 0, End: (this.total ?? 1) - 1 }[key] ?? (key in steps ? active + steps[key] : null);
    if (to !== null) {
      return () => {
        const from = this.anchor ?? active;
        this.grid.move(to);
        if (shiftKey) this.selectRange(from, this.grid.active);
      };
    }
    if (key === " ") return () => !repeat && this.toggle(active);
    if (key === "Enter") return () => !repeat && this.open(active);
    return null;
  }

  letterAction(key) {
    const number = this.classes.find((each) => each.key === key);
    if (number) return () => this.decide("relabel", number.name);
    const actions = { a: () => this.decide("accept"), x: () => this.decide("reject"), u: () => this.undo() };
    return actions[key] ?? (key === "escape" && this.selected.size ? () => this.clear() : null);
  }

  click(index, { shiftKey }) {
    this.grid.active = index;
    if (shiftKey && this.anchor !== null) this.selectRange(this.anchor, index);
    else this.toggle(index);
  }

  toggle(index) {
    const tile = this.store.tile(index);
    if (!tile) return;
    this.anchor = index;
    if (!this.selected.delete(tile.id)) this.add([tile]);
    this.showSelected();
  }

  // The tiles at these places, as far as they have been in sight.
  select(places) {
    this.add(places.map((index) => this.store.tile(index)).filter(Boolean));
  }

  async selectRange(from, to) {
    this.anchor ??= from;
    const [first, end] = [Math.min(from, to), Math.max(from, to) + 1];
    if (end - first > MAX_SELECTED) {
      this.sayTooMany();
      return;
    }
    const { ticket } = this.server;
    const tiles = await this.store.range(first, end);
    if (tiles && ticket === this.server.ticket) this.add(tiles);
  }

  // What is in sight; all of the list, when that is selected already.
  selectAll() {
    const [first, end] = this.grid.inSight;
    const places = Array.from({ length: end - first }, (_, i) => first + i);
    if (places.some((index) => !this.selected.has(this.store.tile(index)?.id))) this.select(places);
    else if (this.total) {
      this.anchor = 0;
      this.selectRange(0, this.total - 1);
    }
  }

  add(tiles) {
    for (const tile of tiles) {
      if (this.selected.size >= MAX_SELECTED && !this.selected.has(tile.id)) {
        this.sayTooMany();
        break;
      }
      this.selected.set(tile.id, tile);
    }
    this.showSelected();
  }

  sayTooMany() {
    this.tell(say("gallery.too_many", { number: MAX_SELECTED }));
  }

  clear() {
    this.selected.clear();
    this.anchor = null;
    this.tell("");
    this.showSelected();
  }

  showSelected() {
    const tiles = [...this.selected.values()];
    const number = tiles.length;
    this.find("selected").textContent = say(number ? "gallery.selected" : "gallery.none_selected", { number });
    const only = (name) => (tiles.every((tile) => tile[name] === tiles[0]?.[name]) ? tiles[0]?.[name] : "");
    const [given, likely] = [only("given"), only("likely")];
    this.change.write(likely || say("gallery.likely"), say("gallery.change_to"));
    this.keep.write(given || say("gallery.given"), say("gallery.keep"));
    this.find("change").disabled = !tiles.some((tile) => tile.likely);
    for (const name of ["keep", "classes", "clear"]) this.find(name).disabled = !number;
    this.root.dataset.selected = number;
    this.grid.draw();
  }

  open(index) {
    const tile = this.store.tile(index);
    if (tile) this.trigger("opened", tile.id);
  }

  decide(kind, label = "") {
    if (!this.selected.size) return;
    this.tell("");
    this.confirm.open(kind, label, [...this.selected.values()]);
  }

  // Record a verdict on tiles, each once, however often it has to be sent, until `cancelled` resolves; what is refused
  // stays selected.
  async save({ kind, label }, tiles, told, cancelled) {
    const bulk = crypto.randomUUID();
    const refused = [];
    let numSaved = 0;
    for (let place = 0; place < tiles.length; place += NUM_SENT) {
      const part = tiles.slice(place, place + NUM_SENT);
      const follows = Object.fromEntries(part.map((tile) => [tile.id, tile.follows]));
      const body = { bulk, kind, chosen_label: label, follows };
      const { status, answer, late } = await this.send("gallery/verdict", body, told, cancelled);
      late?.then((found) => found.status === 200 && this.hearLate(found.answer));
      if (status !== 200) {
        refused.push(...tiles.slice(place).map((tile) => ({ ...tile, reason: answer.message })));
        break;
      }
      numSaved += answer.saved.length;
      refused.push(...answer.refused);
      this.store.patch([...answer.saved, ...answer.refused]);
      if (answer.total !== this.total) this.store.reset(); // the reader has got more, which may stand in between
      this.hear(answer);
      told(say("confirm.saved", { number: numSaved, total: tiles.length }));
    }
    this.selected.clear();
    this.add(refused);
    const reasons = new Map();
    for (const { reason } of refused) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    const lines = [...reasons].map(([reason, number]) => say("gallery.not_saved", { number, reason }));
    this.tell(lines.length ? [say("gallery.num_saved", { number: numSaved }), ...lines].join("\n") : "");
    this.grid.element.focus({ preventScroll: true });
  }

  // What was saved although the reader had cancelled.
  hearLate(answer) {
    this.store.patch(answer.saved);
    for (const { id } of answer.saved) this.selected.delete(id);
    this.hear(answer);
    if (!this.selected.size) this.tell("");
    this.showSelected();
  }

  async undo() {
    if (!this.last || this.isUndoing) return;
    this.isUndoing = true;
    this.find("undo").disabled = true;
    const { status, answer } = await this.send("gallery/undo", { name: this.last.name }, (text) => this.tell(text));
    this.isUndoing = false;
    if (status === 200) {
      this.store.patch(answer.undone);
      for (const tile of answer.undone) if (this.selected.has(tile.id)) this.selected.set(tile.id, tile);
      this.showLast(answer.last);
      this.find("saved").textContent = say("gallery.undone", { number: answer.undone.length });
    }
    this.find("undo").disabled = !this.last;
    this.tell(status === 200 ? "" : answer.message);
  }

  // The server's answer; sent again while there is none, until `cancelled` resolves. late: what is then still to come.
  async send(path, body, told, cancelled = new Promise(() => {})) {
    const isCancelled = cancelled.then(() => true);
    const ended = { status: 0, answer: { message: say("gallery.cancelled") } };
    for (let attempt = 0; ; attempt++) {
      const asked = this.server.ask(path, body);
      if ((await Promise.race([asked, isCancelled])) === true) return { ...ended, late: asked };
      const { status, answer } = await asked;
      if (!RETRIED.includes(status) || this.isClosed) return { status, answer };
      told(say("gallery.waiting", { problem: answer.message.replace(/\.$/, "") }));
      if (await Promise.race([backOff(attempt), isCancelled])) return ended;
    }
  }

  close() {
    this.isClosed = true;
    this.store.reset();
    this.grid.close();
  }
}
