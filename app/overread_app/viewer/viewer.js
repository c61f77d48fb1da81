// The viewer: one instance per place on the page, called again with new data for each sample.

const viewers = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  if (data?.prefetch) {
    for (const spec of data.prefetch) load(spec).catch(() => {}); // it will be asked for again when it is shown
    return;
  }
  let viewer = viewers.get(parentElement);
  if (!viewer) viewers.set(parentElement, (viewer = new Viewer(parentElement)));
  viewer.take(data);
  return () => {
    viewers.delete(parentElement);
    viewer.close();
  };
}

class Viewer {
  constructor(root) {
    const find = (name) => root.querySelector(`.${name}`);
    this.root = find("viewer");
    this.parts = Object.fromEntries(
      ["message", "centre", "width", "invert", "zoom", "help", "gestures", "drag-name"].map((name) => [name, find(name)]),
    );
    this.names = { centre: find("centre-name"), width: find("width-name") };
    this.surface = new Surface(find("surface"), {
      onZoom: (scale) => (this.parts.zoom.value = `${Math.round(100 * scale)} %`),
      onWindowDrag: (dx, dy) => this.dragWindow(dx, dy),
    });
    const zoom = (factor) => () => this.surface.zoomBy(factor);
    const invert = () => this.invert();
    const reset = () => this.reset();
    const fit = () => this.image && this.surface.fit();
    const step = 60 * (window.devicePixelRatio || 1);
    find("invert").onclick = invert;
    find("reset").onclick = reset;
    find("fit").onclick = fit;
    find("in").onclick = zoom(1.25);
    find("out").onclick = zoom(0.8);
    this.parts.help.onclick = () => {
      const { help, gestures } = this.parts;
      gestures.hidden = !gestures.hidden;
      help.setAttribute("aria-expanded", !gestures.hidden);
    };
    find("actual").onclick = () => this.surface.zoomTo(1);
    this.parts.centre.oninput = this.parts.width.oninput = () => this.readFields();
    this.parts.centre.onblur = this.parts.width.onblur = () => this.image && this.writeFields();
    const shortcuts = { f: fit, i: invert, 0: reset, "+": zoom(1.25), "=": zoom(1.25), "-": zoom(0.8) };
    const arrows = {
      ArrowLeft: () => this.surface.pan(step, 0),
      ArrowRight: () => this.surface.pan(-step, 0),
      ArrowUp: () => this.surface.pan(0, step),
      ArrowDown: () => this.surface.pan(0, -step),
    };
    this.takeKey = (event) => {
      const move = shortcuts[event.key.toLowerCase()] ?? (event.composedPath()[0] === find("surface") && arrows[event.key]);
      if (move) move();
      return Boolean(move);
    };
    viewersKeys.add(this.takeKey);
  }

  // Show what the server says: {visit, image}. The same visit again changes nothing the reader has set.
  async take(data) {
    if (!data?.image || data.visit === this.visit) return;
    this.visit = data.visit;
    this.image = null;
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 }); // both labels and the image in sight
    paintedAt = Infinity;
    // The last sample's image must not stand beside this one's labels; what was prefetched is here before a timer.
    const clear = setTimeout(() => this.blank(""));
    const wait = setTimeout(() => this.blank("Loading the image"), 250);
    try {
      const image = await load(data.image);
      if (this.visit !== data.visit) return;
      this.image = image;
      this.imageData = new ImageData(image.spec.width, image.spec.height);
      this.reset();
      this.surface.fit();
      this.surface.draw();
      this.announce();
    } catch {
      if (this.visit !== data.visit) return;
      this.blank("The image could not be loaded. Reload the page to try again.");
      paintedAt = performance.now(); // what can be said of a sample without its image may be said
    } finally {
      clearTimeout(clear);
      clearTimeout(wait);
    }
  }

  announce() {
    this.parts.message.hidden = true;
    this.root.classList.remove("is-empty");
    paintedAt = performance.now();
    this.root.dataset.painted = this.visit; // for whoever waits for the image: it is on the canvas now
    this.root.dataset.paintedAt = paintedAt;
  }

  blank(text) {
    this.surface.clear();
    this.root.classList.add("is-empty");
    this.parts.message.textContent = text;
    this.parts.message.hidden = false;
  }

  reset() {
    if (!this.image) return;
    const { center, window: width } = this.image.spec;
    Object.assign(this, { center, width, isInverted: false });
    this.colour();
    this.writeFields();
  }

  invert() {
    if (!this.image) return;
    this.isInverted = !this.isInverted;
    this.colour();
    this.writeFields();
  }

  // Across: width (contrast); down: centre (brightness). A sweep over the canvas spans the image's own window.
  dragWindow(dx, dy) {
    if (!this.image) return;
    const unit = (1.5 * this.image.spec.window) / this.surface.canvas.clientWidth;
    this.width = Math.max(this.leastWidth, this.width + dx * unit);
    this.center += (this.shownInverted ? -dy : dy) * unit;
    this.requestColour();
    this.writeFields();
  }

  get leastWidth() {
    return this.image.spec.type === "uint8" ? 2 : 1;
  }

  get shownInverted() {
    return this.image.spec.isInverted !== this.isInverted;
  }

  requestColour() {
    this.frame ||= requestAnimationFrame(() => this.colour());
  }

  colour() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.image) return;
    const table = lookupTable({
      ...this.image.spec,
      center: this.center,
      window: this.width,
      isInverted: this.shownInverted,
    });
    colour(this.image, table, this.imageData);
    this.surface.show(this.imageData, { fit: this.surface.isFitted });
  }

  // A radiograph's window in its own units; a image of 8 bits in percent, as a photograph's.
  writeFields() {
    const isRadiograph = this.image.spec.isDicom;
    this.names.centre.textContent = isRadiograph ? "Centre" : "Brightness";
    this.names.width.textContent = isRadiograph ? "Width" : "Contrast";
    const shown = isRadiograph
      ? [this.center, this.width]
      : [(128 - this.center) / 1.28, (100 * 256) / this.width];
    const fields = [this.parts.centre, this.parts.width];
    fields.forEach((field, i) => {
      if (field.getRootNode().activeElement !== field) field.value = Math.round(shown[i]);
    });
    this.parts.invert.setAttribute("aria-pressed", this.isInverted);
    this.parts["drag-name"].textContent = isRadiograph ? "window: centre and width" : "brightness and contrast";
  }

  readFields() {
    if (!this.image) return;
    const [centre, width] = [this.parts.centre.valueAsNumber, this.parts.width.valueAsNumber];
    const isRadiograph = this.image.spec.isDicom;
    if (Number.isFinite(centre)) this.center = isRadiograph ? centre : 128 - centre * 1.28;
    if (Number.isFinite(width) && width > 0) {
      this.width = Math.max(this.leastWidth, isRadiograph ? width : (100 * 256) / width);
    }
    this.requestColour();
  }

  close() {
    this.visit = null;
    this.image = null;
    cancelAnimationFrame(this.frame);
    this.surface.close();
    viewersKeys.delete(this.takeKey);
    paintedAt = -Infinity;
  }
}
