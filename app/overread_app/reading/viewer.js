// The viewer: the image under review, a similar one beside it on demand, and what the bar and the keys do to both.

const QUARTER_RIGHT = [0, 1, -1, 0];
const QUARTER_LEFT = [0, -1, 1, 0];
const ACROSS = [-1, 0, 0, 1];
const DOWN = [1, 0, 0, -1];

class Viewer {
  // load: resolves to {image, status, message} of a packet's image, or a similar one, as the store decodes it.
  constructor(root, load) {
    this.root = root;
    this.load = load;
    const [main, beside] = root.querySelectorAll(".pane");
    const on = {
      drawn: (pane) => pane === this.main && this.bar.writeZoom(pane.surface.scale),
      moved: (pane) => this.follow(pane),
      resized: () => this.follow(this.main),
      window: (pane, dx, dy) => this.dragWindow(pane, dx, dy),
      point: (pane, place) => this.point(place),
    };
    this.main = new Pane(main, on);
    this.beside = new Pane(beside, on);
    this.besideName = new Name(root.querySelector(".beside-name"));
    this.isKept = false;
    this.isMagnified = false;
    this.kept = null; // how the last image was seen: {spec, shown, look}
    this.bar = new Bar(root, this);
    const pan = (x, y) => () => this.surface.pan((x * this.surface.box.width) / 12, (y * this.surface.box.height) / 12);
    this.focusedKeys = {
      " ": () => this.reset(),
      ArrowLeft: pan(1, 0),
      ArrowRight: pan(-1, 0),
      ArrowUp: pan(0, 1),
      ArrowDown: pan(0, -1),
    };
  }

  // The key table: OHIF's keys, where a verdict does not have them. A button of the bar runs the entry of its name.
  get keys() {
    const turn = (step) => () => this.turn(step);
    const zoom = (factor) => () => this.surface.zoomBy(factor);
    const numbers = Array.from({ length: NUM_PRESETS }, (_, i) => `shift+${i + 1}`);
    return [
      { name: "fit", keys: ["f", "="], shown: "F", text: say("keys.fit"), run: () => this.surface.fit() },
      { name: "in", keys: ["+"], shown: "+", text: say("image.zoom_in"), run: zoom(1.25) },
      { name: "out", keys: ["-"], shown: "−", text: say("image.zoom_out"), run: zoom(0.8) },
      { name: "actual", keys: ["p"], shown: "P", text: say("keys.actual"), run: () => this.surface.zoomTo(1) },
      { name: "invert", keys: ["i"], shown: "I", text: say("keys.invert"), run: () => this.invert() },
      { name: "preset", keys: numbers, shown: "⇧ 1–9", text: say("keys.presets"), run: (key) => this.usePreset(key.at(-1) - 1) },
      { name: "right", keys: ["r"], shown: "R", text: say("image.rotate_right"), run: turn(QUARTER_RIGHT) },
      { name: "left", keys: ["l"], shown: "L", text: say("image.rotate_left"), run: turn(QUARTER_LEFT) },
      { name: "across", keys: ["h"], shown: "H", text: say("image.flip_across"), run: turn(ACROSS) },
      { name: "down", keys: ["v"], shown: "V", text: say("image.flip_down"), run: turn(DOWN) },
      { name: "magnify", keys: ["z"], shown: "Z", text: say("image.magnifier"), run: () => this.switchMagnifier() },
      { name: "screen", keys: ["w"], shown: "W", text: say("image.full_screen"), run: () => this.switchScreen() },
      { name: "keep", keys: ["k"], shown: "K", text: say("keys.keep"), run: () => this.switchKeep() },
      { name: "reset", keys: ["0"], shown: "0", text: say("keys.reset"), run: () => this.reset() },
      {
        name: "close",
        keys: ["Escape"],
        shown: say("keys.escape"),
        text: say("image.close_similar"),
        run: () => this.bar.closeMenus() || this.closeBeside(),
        applies: () => this.bar.isOpen || this.hasTwo, // else Escape is the page's
      },
    ];
  }

  get hasTwo() {
    return this.root.classList.contains("has-two");
  }

  get surface() {
    return this.main.surface;
  }

  get panes() {
    return [this.main, this.beside].filter(({ image }) => image);
  }

  // Show an image of the sample store: as it is seen first, or as the last one was.
  show(image) {
    this.remember();
    this.closeBeside();
    const kept = this.isKept ? this.kept : null;
    this.main.show(image, kept ? carriedWindow(kept.shown, kept.spec, image.spec) : firstWindow(image.spec), kept?.look);
    this.root.classList.remove("is-empty");
    this.bar.write();
    this.bar.writePresets(presets(image.spec));
  }

  blank(text) {
    this.remember();
    this.closeBeside();
    this.main.blank(text);
    this.root.classList.add("is-empty");
  }

  remember() {
    const { image, shown, surface } = this.main;
    if (image) this.kept = { spec: image.spec, shown, look: surface.look };
  }

  // Show a similar image of a packet beside, at its own full resolution.
  async openBeside(similar) {
    if (!this.main.image) return;
    this.closeBeside();
    this.besideName.write(similar.label, say("image.similar_lead"));
    this.root.classList.add("has-two");
    this.beside.blank(say("image.loading"));
    const asked = (this.asked = this.load(similar));
    const { image, status, message } = await asked;
    if (this.asked !== asked) {
      image?.bitmap.close();
      return;
    }
    if (!image) {
      this.beside.blank(status ? message || say("server.unseen") : say("image.unseen_later"));
      return;
    }
    const { spec } = this.main.image;
    this.beside.show(image, carriedWindow(this.main.shown, spec, image.spec), this.surface.look);
  }

  closeBeside() {
    this.asked = null;
    if (!this.hasTwo) return;
    this.beside.image?.bitmap.close();
    this.beside.blank("");
    this.root.classList.remove("has-two");
  }

  // The other image goes where this one goes.
  follow(pane) {
    if (!this.beside?.image || !this.main.image) return;
    const other = pane === this.main ? this.beside : this.main;
    other.surface.look = pane.surface.look;
  }

  point(place) {
    this.pointed = place;
    for (const { surface } of this.panes) {
      if (this.isMagnified || surface.lens) surface.magnify(this.isMagnified ? place : null);
    }
  }

  turn(step) {
    if (this.main.image) this.surface.turnBy(step);
  }

  // Set the window of the image under review; the similar one's follows.
  setWindow(shown) {
    const { main, beside } = this;
    main.setWindow(shown);
    if (beside.image) beside.setWindow(carriedWindow(main.shown, main.image.spec, beside.image.spec));
    this.bar.write();
  }

  usePreset(number) {
    const preset = this.main.image && presets(this.main.image.spec)[number];
    if (preset) this.setWindow({ ...this.main.shown, center: preset.center, window: preset.window });
  }

  invert() {
    const { image, shown } = this.main;
    if (image) this.setWindow({ ...shown, isInverted: !shown.isInverted });
  }

  // Across: width (contrast); down: centre (brightness). A sweep over the canvas spans the image's own window.
  dragWindow(pane, dx, dy) {
    const { image, shown, isWhiteLow } = this.main;
    const unit = (1.5 * image.spec.window) / pane.surface.canvas.clientWidth;
    const center = shown.center + (isWhiteLow ? -dy : dy) * unit;
    this.setWindow({ ...shown, center, window: shown.window + dx * unit });
  }

  switchMagnifier() {
    this.isMagnified = !this.isMagnified;
    const { width, height } = this.surface.box;
    this.point(this.pointed ?? { x: width / 2, y: height / 2 });
    this.bar.write();
  }

  switchKeep() {
    this.isKept = !this.isKept;
    this.bar.write();
  }

  switchScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.closest(".reading").requestFullscreen?.().catch(() => {}); // a frame may forbid it
  }

  reset() {
    if (!this.main.image) return;
    if (this.isMagnified) this.switchMagnifier();
    this.surface.turn = UPRIGHT;
    this.surface.fit();
    this.setWindow(firstWindow(this.main.image.spec));
  }

  close() {
    this.closeBeside();
    this.main.close();
    this.beside.close();
  }
}
