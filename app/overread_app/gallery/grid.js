// The grid: as many elements as there are tiles in sight, which take over other tiles as one scrolls.

const GAP_PX = 6;
const TEXT_PX = 40; // below an image
const OVERSCAN = 2; // rows above and below those in sight
const MAX_HEIGHT_PX = 15_000_000; // browsers have no taller elements; a longer list is scrolled faster
const CANVAS_PX = 224;
const DRAG_PX = 6;

class Grid {
  // on: {click(index, event), band([index]), open(index)}; selected: Map of ids.
  constructor(element, store, { colours, selected }, on) {
    this.element = element;
    this.spacer = element.querySelector(".spacer");
    this.store = store;
    this.colours = colours;
    this.selected = selected;
    this.on = on;
    this.rows = [];
    this.active = 0;
    this.size = 144;
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.observer = new ResizeObserver(() => this.layOut());
    this.observer.observe(element);
    this.listen();
  }

  get numRows() {
    return Math.ceil((this.store.total ?? 0) / this.columns);
  }

  // How far the list is above what is in sight, in pixels of the whole list.
  get above() {
    const { clientHeight, scrollTop } = this.element;
    const most = this.height - clientHeight;
    return most > 0 ? (scrollTop / most) * (this.numRows * this.rowPx + GAP_PX - clientHeight) : 0;
  }

  // Places for other numbers of columns and rows; the first tile in sight stays there.
  layOut() {
    const { clientWidth, clientHeight } = this.element;
    if (!clientWidth || !clientHeight) return;
    const first = this.columns ? Math.floor(this.above / this.rowPx) * this.columns : 0;
    this.columns = Math.max(1, Math.floor((clientWidth - GAP_PX) / (this.size + GAP_PX)));
    this.tilePx = Math.floor((clientWidth - GAP_PX) / this.columns) - GAP_PX;
    this.rowPx = this.tilePx + TEXT_PX + GAP_PX;
    this.height = Math.min(this.numRows * this.rowPx + GAP_PX, MAX_HEIGHT_PX);
    this.spacer.style.height = `${this.height}px`;
    this.element.setAttribute("aria-rowcount", this.numRows);
    this.element.setAttribute("aria-colcount", this.columns);
    const numPlaces = Math.ceil(clientHeight / this.rowPx) + 1 + 2 * OVERSCAN;
    if (this.rows.length !== numPlaces || this.rows[0]?.cells.length !== this.columns) {
      for (const { element } of this.rows) element.remove();
      this.rows = Array.from({ length: numPlaces }, () => this.makeRow());
    }
    for (const { cells } of this.rows) {
      cells.forEach((cell, column) => {
        const { style } = cell.element;
        style.width = `${this.tilePx}px`;
        style.height = `${this.tilePx + TEXT_PX}px`;
        style.transform = `translateX(${GAP_PX + column * (this.tilePx + GAP_PX)}px)`;
      });
    }
    this.scrollToRow(Math.floor(first / this.columns));
    this.draw();
  }

  scrollToRow(row) {
    const { clientHeight } = this.element;
    const all = this.numRows * this.rowPx + GAP_PX - clientHeight;
    this.element.scrollTop = all > 0 ? ((row * this.rowPx) / all) * (this.height - clientHeight) : 0;
  }

  makeRow() {
    const element = this.element.appendChild(make("div"));
    element.setAttribute("role", "row");
    element.style.cssText = "position:absolute;top:0;left:0";
    return { element, cells: Array.from({ length: this.columns }, () => this.makeCell(element)) };
  }

  makeCell(row) {
    const element = row.appendChild(make("div", "tile"));
    element.setAttribute("role", "gridcell");
    const canvas = element.appendChild(make("canvas"));
    canvas.width = canvas.height = CANVAS_PX;
    const cell = { element, canvas, lines: ["given", "likely"].map((name) => this.makeLine(element, name)) };
    cell.mark = element.appendChild(make("p", "mark"));
    cell.dot = cell.mark.appendChild(make("i"));
    cell.word = new Name(cell.mark.appendChild(make("span")));
    element.appendChild(make("span", "check")).textContent = "✓";
    return cell;
  }

  makeLine(element, name) {
    const line = element.appendChild(make("p", name));
    const arrow = name === "likely" ? line.appendChild(make("span", "arrow")) : null;
    if (arrow) arrow.textContent = "→";
    return { line, dot: line.appendChild(make("i")), name: new Name(line.appendChild(make("span"))) };
  }

  // The places in sight, from .. to before.
  get inSight() {
    const first = Math.max(0, Math.floor((this.above + this.rowPx / 2) / this.rowPx)) * this.columns;
    const rows = Math.max(1, Math.round(this.element.clientHeight / this.rowPx));
    return [first, Math.min(first + rows * this.columns, this.store.total ?? 0)];
  }

  draw() {
    if (!this.columns) return;
    const { scrollTop } = this.element;
    const { above } = this;
    const start = Math.max(0, Math.floor(above / this.rowPx) - OVERSCAN);
    for (let place = 0; place < this.rows.length; place++) {
      const number = start + place;
      const row = this.rows[number % this.rows.length];
      row.element.style.transform = `translateY(${GAP_PX + number * this.rowPx - above + scrollTop}px)`;
      row.element.setAttribute("aria-rowindex", number + 1);
      row.element.hidden = this.store.total !== null && number >= this.numRows; // a row without cells is none
      row.cells.forEach((cell, column) => this.fill(cell, number * this.columns + column, column));
    }
    const end = Math.min((start + this.rows.length) * this.columns, this.store.total ?? PAGE);
    this.store.want(Math.min(start * this.columns, Math.max(end - 1, 0)), Math.max(end, 1));
  }

  // Labels and image change together: nothing of another tile stays in a cell.
  fill(cell, index, column) {
    const { element } = cell;
    const tile = this.store.tile(index);
    const isThere = this.store.total === null || index < this.store.total;
    element.hidden = !isThere;
    const isSelected = Boolean(tile && this.selected.has(tile.id));
    element.setAttribute("aria-selected", isSelected);
    element.classList.toggle("is-active", index === this.active);
    if (index === this.active) this.element.setAttribute("aria-activedescendant", `tile-${index}`);
    if (cell.index === index && cell.tile === tile) return;
    const isSame = cell.tile && tile && cell.tile.id === tile.id;
    Object.assign(cell, { index, tile });
    element.id = `tile-${index}`;
    element.dataset.index = index;
    element.dataset.id = tile?.id ?? "";
    element.setAttribute("aria-colindex", column + 1);
    this.write(cell, tile);
    if (!isSame) paintJpeg(cell.canvas, tile?.image, () => cell.tile?.id === tile?.id);
  }

  write(cell, tile) {
    const [given, likely] = cell.lines;
    const hasLikely = Boolean(tile?.likely) && tile.likely !== tile.given;
    given.name.write(tile?.given ?? "");
    given.dot.style.background = this.colours.get(tile?.given) ?? "transparent";
    likely.line.style.visibility = hasLikely ? "" : "hidden";
    likely.name.write(hasLikely ? tile.likely : "");
    likely.dot.style.background = this.colours.get(tile?.likely) ?? "transparent";
    cell.element.classList.toggle("is-decided", Boolean(tile?.verdict));
    cell.mark.hidden = !tile?.verdict;
    cell.word.write(tile?.verdict?.text ?? "");
    cell.dot.style.background = this.colours.get(tile?.verdict?.label) ?? "transparent";
    cell.element.setAttribute("aria-label", tile ? tileWords(tile) : say("gallery.loading"));
  }

  listen() {
    const { element } = this;
    let from = null;
    element.addEventListener("pointerdown", (event) => {
      // Not on the scroll bar, and only with the first button.
      if (event.button || event.offsetX >= element.clientWidth && event.target === element) return;
      from = { x: event.clientX, y: event.clientY, above: this.above, isBand: false };
    });
    element.addEventListener("pointermove", (event) => {
      if (!from || (!from.isBand && Math.hypot(event.clientX - from.x, event.clientY - from.y) < DRAG_PX)) return;
      if (!from.isBand) element.setPointerCapture(event.pointerId);
      from.isBand = true;
      this.drag(from, event);
    });
    element.addEventListener("pointerup", (event) => {
      if (from?.isBand) this.on.band(this.touched(from, event));
      else if (from) {
        const tile = event.target.closest(".tile");
        if (tile) this.on.click(Number(tile.dataset.index), event);
      }
      from = null;
      this.band?.remove();
    });
    element.addEventListener("pointercancel", () => {
      from = null;
      this.band?.remove();
    });
    element.addEventListener("dblclick", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) this.on.open(Number(tile.dataset.index));
    });
  }

  drag(from, event) {
    const box = this.element.getBoundingClientRect();
    if (event.clientY > box.bottom - 24) this.element.scrollTop += 16;
    if (event.clientY < box.top + 24) this.element.scrollTop -= 16;
    const [left, top, right, bottom] = this.bandBox(from, event);
    this.band ??= make("div", "band");
    this.element.append(this.band);
    const y = top - this.above + this.element.scrollTop;
    Object.assign(this.band.style, { left: `${left}px`, top: `${y}px`, width: `${right - left}px`, height: `${bottom - top}px` });
  }

  // Left, top, right and bottom in pixels of the whole list.
  bandBox(from, event) {
    const box = this.element.getBoundingClientRect();
    const xs = [from.x - box.left, event.clientX - box.left].sort((a, b) => a - b);
    const ys = [from.y - box.top + from.above, event.clientY - box.top + this.above].sort((a, b) => a - b);
    return [xs[0], ys[0], xs[1], ys[1]];
  }

  // The places that a drag has touched.
  touched(from, event) {
    const [left, top, right, bottom] = this.bandBox(from, event);
    const clamp = (number, most) => Math.min(Math.max(number, 0), most);
    const step = this.tilePx + GAP_PX;
    const [first, last] = [left, right].map((x) => clamp(Math.floor((x - GAP_PX / 2) / step), this.columns - 1));
    const [upper, lower] = [top, bottom].map((y) => clamp(Math.floor((y - GAP_PX / 2) / this.rowPx), this.numRows - 1));
    const found = [];
    for (let row = upper; row <= lower; row++) {
      for (let column = first; column <= last; column++) found.push(row * this.columns + column);
    }
    return found.filter((index) => index < this.store.total);
  }

  // Make a tile the active one, and bring it into sight.
  move(index) {
    this.active = Math.min(Math.max(index, 0), Math.max((this.store.total ?? 1) - 1, 0));
    const row = Math.floor(this.active / this.columns);
    const [first, last] = [Math.ceil(this.above / this.rowPx), Math.floor((this.above + this.element.clientHeight) / this.rowPx) - 1];
    if (row < first) this.scrollToRow(row);
    if (row > last) this.scrollToRow(row - Math.max(last - first, 0));
    this.draw();
  }

  close() {
    this.observer.disconnect();
  }
}

// A tile in words, for a screen reader.
function tileWords({ given, likely, verdict }) {
  const parts = [say("gallery.tile", { given })];
  if (likely && likely !== given) parts.push(say("gallery.tile_likely", { likely }));
  if (verdict) parts.push(say("gallery.tile_verdict", { verdict: verdict.text }));
  return parts.join(", ");
}
