// The viewer: an image with its window, zoom and the fields for them.

class Viewer {
  constructor(root) {
    const find = (name) => root.querySelector(`.${name}`);
    this.root = root;
    this.parts = Object.fromEntries(
      ["message", "centre", "width", "invert", "zoom"].map((name) => [name, find(name)]),
    );
    this.names = { centre: find("centre-name"), width: find("width-name") };
    this.image = null;
    this.surface = new Surface(find("surface"), {
      zoom: (scale) => (this.parts.zoom.value = `${Math.round(100 * scale)} %`),
      windowDrag: (dx, dy) => this.dragWindow(dx, dy),
      pixels: () => this.pixels(),
    });
    const zoom = (factor) => () => this.surface.zoomBy(factor);
    const invert = () => this.invert();
    const reset = () => this.reset();
    const fit = () => this.surface.fit();
    const step = 60 * (window.devicePixelRatio || 1);
    find("invert").onclick = invert;
    find("reset").onclick = reset;
    find("fit").onclick = fit;
    find("in").onclick = zoom(1.25);
    find("out").onclick = zoom(0.8);
    find("actual").onclick = () => this.surface.zoomTo(1);
    this.parts.centre.oninput = this.parts.width.oninput = () => this.readFields();
    this.parts.centre.onblur = this.parts.width.onblur = () => this.image && this.writeFields();
    this.keys = [
      { keys: ["f"], shown: "F", text: "Fit the image", run: fit },
      { keys: ["+", "="], shown: "+", text: "Zoom in", run: zoom(1.25) },
      { keys: ["-"], shown: "−", text: "Zoom out", run: zoom(0.8) },
      { keys: ["i"], shown: "I", text: "Invert", run: invert },
      { keys: ["0"], shown: "0", text: "Reset the window", run: reset },
    ];
    const pan = (dx, dy) => () => this.surface.pan(dx * step, dy * step);
    this.focusedKeys = {
      ArrowLeft: pan(1, 0),
      ArrowRight: pan(-1, 0),
      ArrowUp: pan(0, 1),
      ArrowDown: pan(0, -1),
    };
  }

  // Show an image of the sample store, as it is seen first.
  show(image) {
    this.image = image;
    this.setWindow();
    this.surface.show(image.spec, image.bitmap);
    this.writeFields();
    this.parts.message.hidden = true;
    this.root.classList.remove("is-empty");
  }

  blank(text) {
    this.image = null;
    this.surface.clear();
    this.root.classList.add("is-empty");
    this.parts.message.textContent = text;
    this.parts.message.hidden = false;
  }

  setWindow() {
    const { center, window: width } = this.image.spec;
    Object.assign(this, { center, width, isInverted: false });
  }

  reset() {
    if (!this.image) return;
    this.setWindow();
    this.surface.recolour(this.image.bitmap);
    this.writeFields();
  }

  invert() {
    if (!this.image) return;
    this.isInverted = !this.isInverted;
    this.surface.recolour(null);
    this.writeFields();
  }

  // Across: width (contrast); down: centre (brightness). A sweep over the canvas spans the image's own window.
  dragWindow(dx, dy) {
    if (!this.image) return;
    const unit = (1.5 * this.image.spec.window) / this.surface.canvas.clientWidth;
    this.width = Math.max(this.leastWidth, this.width + dx * unit);
    this.center += (this.shownInverted ? -dy : dy) * unit;
    this.surface.recolour(null);
    this.writeFields();
  }

  get leastWidth() {
    return this.image.spec.type === "uint8" ? 2 : 1;
  }

  get shownInverted() {
    return this.image.spec.isInverted !== this.isInverted;
  }

  // The image's own pixels in the greys of the window.
  pixels() {
    const { spec } = this.image;
    if (this.imageData?.width !== spec.width || this.imageData.height !== spec.height) {
      this.imageData = new ImageData(spec.width, spec.height);
    }
    const window = { center: this.center, window: this.width, isInverted: this.shownInverted };
    colour(this.image, lookupTable({ ...spec, ...window }), this.imageData);
    return this.imageData;
  }

  // A radiograph's window in its own units; an image of 8 bits in percent, as a photograph's.
  get isRadiograph() {
    return this.image.spec.isDicom || this.image.spec.type !== "uint8";
  }

  writeFields() {
    const { isRadiograph } = this;
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
  }

  readFields() {
    if (!this.image) return;
    const [centre, width] = [this.parts.centre.valueAsNumber, this.parts.width.valueAsNumber];
    const { isRadiograph } = this;
    if (Number.isFinite(centre)) this.center = isRadiograph ? centre : 128 - centre * 1.28;
    if (Number.isFinite(width) && width > 0) {
      this.width = Math.max(this.leastWidth, isRadiograph ? width : (100 * 256) / width);
    }
    this.surface.recolour(null);
  }

  close() {
    this.surface.close();
  }
}
