// What the pointer does on a canvas: the wheel zooms, one pointer pans, two of them pinch, the right button windows.

class Hands {
  // on: {window(dx, dy), point({x, y} or null)}
  constructor(surface, on) {
    this.surface = surface;
    this.canvas = surface.canvas;
    this.on = on;
    this.pointers = new Map(); // id -> {x, y}, in canvas pixels
    this.isWindowing = false;
    const { canvas } = this;
    const hear = (name, run) => canvas.addEventListener(name, run, { passive: false });
    hear("wheel", (event) => this.wheel(event));
    hear("pointerdown", (event) => this.press(event));
    hear("pointermove", (event) => this.move(event));
    hear("pointerup", (event) => this.release(event));
    hear("pointercancel", (event) => this.release(event));
    hear("pointerleave", () => this.on.point(null));
    hear("contextmenu", (event) => event.preventDefault());
    hear("dblclick", () => surface.fit());
  }

  place({ offsetX, offsetY }) {
    const ratio = this.canvas.width / this.canvas.clientWidth;
    return { x: offsetX * ratio, y: offsetY * ratio };
  }

  wheel(event) {
    event.preventDefault();
    const step = Math.min(60, Math.max(-60, event.deltaY * (event.deltaMode === 1 ? 20 : 1)));
    const { x, y } = this.place(event);
    this.surface.zoomBy(Math.exp(-step * 0.004), x, y);
  }

  press(event) {
    const isWindow = event.button === 2 || event.shiftKey;
    if (event.button !== 0 && !isWindow) return;
    this.pointers.set(event.pointerId, this.place(event));
    this.isWindowing = isWindow && this.pointers.size === 1;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.classList.add(this.isWindowing ? "is-windowing" : "is-panning");
  }

  move(event) {
    const now = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (event.pointerType !== "touch") this.on.point(now);
    if (!before) return;
    const ratio = this.canvas.width / this.canvas.clientWidth;
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, now);
    if (this.isWindowing) this.on.window((now.x - before.x) / ratio, (now.y - before.y) / ratio);
    else if (other) this.pinch(other, before, now);
    else this.surface.pan(now.x - before.x, now.y - before.y);
  }

  // The image points under both pointers stay under them: each event moves one.
  pinch(other, before, now) {
    const length = (place) => Math.max(1, Math.hypot(place.x - other.x, place.y - other.y));
    const middle = (place) => [(place.x + other.x) / 2, (place.y + other.y) / 2];
    const [from, to] = [middle(before), middle(now)];
    this.surface.zoomBy(length(now) / length(before), ...from);
    this.surface.pan(to[0] - from[0], to[1] - from[1]);
  }

  release(event) {
    this.pointers.delete(event.pointerId);
    if (this.pointers.size) return;
    this.isWindowing = false;
    this.canvas.classList.remove("is-windowing", "is-panning");
  }
}
