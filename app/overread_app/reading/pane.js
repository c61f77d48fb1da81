// An image in its place: the canvas, what is written on it, and its window.

const BAR_SHARE = 0.25; // of the canvas: the scale bar is no longer
const TURNS = new Map([
  // As canvas transforms have them, and their names in the catalogue; none for the upright one.
  ["0,1,-1,0", "image.turned_right"],
  ["-1,0,0,-1", "image.turned_half"],
  ["0,-1,1,0", "image.turned_left"],
  ["-1,0,0,1", "image.flipped_across"],
  ["1,0,0,-1", "image.flipped_down"],
  ["0,-1,-1,0", "image.flipped_right"],
  ["0,1,1,0", "image.flipped_left"],
]);

class Pane {
  // on: {drawn(pane), moved(pane), resized(pane), window(pane, dx, dy), point(pane, place)}
  constructor(element, on) {
    this.element = element;
    const find = (name) => element.querySelector(`.${name}`);
    this.parts = { turned: find("turned"), bar: find("scale-bar"), length: find("length"), message: find("message") };
    this.image = null;
    this.surface = new Surface(element.querySelector("canvas"), {
      table: () => this.table(),
      drawn: () => {
        this.write();
        on.drawn(this);
      },
      moved: () => on.moved(this),
      resized: () => on.resized(this),
    });
    this.hands = new Hands(this.surface, {
      window: (dx, dy) => this.image && on.window(this, dx, dy),
      point: (place) => on.point(this, place),
    });
  }

  // shown: the window; look: that of another image.
  show(image, shown, look) {
    this.image = image;
    this.shown = shown;
    this.greys = null;
    this.surface.show(image, this.isAsFirst ? image.bitmap : null, look);
    this.parts.message.hidden = true;
    this.element.classList.remove("is-empty");
  }

  blank(text) {
    this.image = null;
    this.surface.clear();
    this.element.classList.add("is-empty");
    this.parts.message.textContent = text;
    this.parts.message.hidden = !text;
  }

  setWindow(shown) {
    this.shown = { ...shown, window: Math.max(leastWidth(this.image.spec), shown.window) };
    this.greys = null;
    this.surface.recolour(this.isAsFirst ? this.image.bitmap : null);
  }

  get isAsFirst() {
    const { center, window } = this.image.spec;
    return !this.shown.isInverted && this.shown.center === center && this.shown.window === window;
  }

  get isWhiteLow() {
    return this.image.spec.isInverted !== this.shown.isInverted;
  }

  table() {
    this.greys ??= lookupTable({ ...this.image.spec, ...this.shown, isInverted: this.isWhiteLow });
    return this.greys;
  }

  // What the reader must know of the view: how it is turned, and how long a distance is.
  write() {
    const { surface, parts } = this;
    const name = TURNS.get(String(surface.turn));
    const turned = name ? say(name) : "";
    if (parts.turned.textContent !== turned) parts.turned.textContent = turned;
    const { spacing_mm: spacing, isAtDetector } = this.image.spec;
    parts.bar.hidden = !spacing;
    if (!spacing) return;
    const across = spacing[surface.turn[0] ? 1 : 0]; // mm from one pixel to the next on its right
    const ratio = surface.canvas.width / surface.canvas.clientWidth;
    const perMm = surface.scale / across / ratio;
    const length = roundLength((BAR_SHARE * surface.canvas.clientWidth) / perMm);
    parts.bar.style.width = `${length * perMm}px`;
    parts.length.textContent = isAtDetector ? say("image.at_detector", { length: lengthText(length) }) : lengthText(length);
  }

  close() {
    this.surface.close();
  }
}

// The longest of 1, 2, 5, 10, … that is no longer.
function roundLength(limit) {
  const power = 10 ** Math.floor(Math.log10(limit));
  return power * [5, 2, 1].find((digit) => digit * power <= limit);
}

function lengthText(mm) {
  if (mm >= 10) return `${mm / 10} cm`;
  return mm >= 1 ? `${mm} mm` : `${Number((1000 * mm).toPrecision(1))} µm`;
}
