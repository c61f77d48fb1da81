// A canvas and the view on its image: where the image lies, how it is turned, and what is drawn of it.

const MAX_SCALE = 40; // canvas pixels per image pixel
const CRISP_SCALE = 4; // who zooms in beyond this wants to see single pixels, as squares
const LENS_RADIUS = 120; // of the screen
const LENS_POWER = 3;

class Surface {
  // on: {table(): the greys; drawn(): the view may be another one; moved(): the reader has changed it; resized()}
  constructor(canvas, on) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.painter = new Painter();
    this.lensPainter = new Painter(); // its own: a tile that is painted twice in a frame is copied whole
    this.on = on;
    this.turn = UPRIGHT;
    this.isFitted = true;
    this.image = null;
    this.lens = null; // {x, y}: where the magnifier is
    this.frame = 0;
    this.observer = new ResizeObserver(([entry]) => this.resize(entry.devicePixelContentBoxSize?.[0]));
    try {
      this.observer.observe(canvas, { box: "device-pixel-content-box" });
    } catch {
      this.observer.observe(canvas); // Safari cannot tell; its canvas may be a part of a pixel off
    }
  }

  get box() {
    return { width: this.canvas.width, height: this.canvas.height };
  }

  get fittedScale() {
    return fitted(this.image.spec, this.box, this.turn).scale;
  }

  // Take a new image, fitted, or with the look of another one. bitmap: the fitted view, painted beforehand.
  show(image, bitmap, look) {
    this.image = image;
    this.bitmap = bitmap;
    this.turn = look?.turn ?? UPRIGHT;
    this.fit();
    if (look) this.look = look;
    this.draw();
  }

  // The greys have changed. bitmap: the fitted view in the new greys, if there is one.
  recolour(bitmap) {
    this.bitmap = bitmap;
    this.requestDraw();
  }

  clear() {
    this.image = null;
    this.draw();
  }

  fit() {
    if (!this.image) return;
    this.isFitted = true;
    Object.assign(this, fitted(this.image.spec, this.box, this.turn));
    this.requestDraw();
    this.on.moved();
  }

  // Zoom so that the image point under (x, y), in canvas pixels, stays where it is.
  zoomTo(scale, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    if (!this.image) return;
    const { fittedScale } = this;
    const next = Math.min(Math.max(scale, Math.min(1, fittedScale) / 2), Math.max(MAX_SCALE, fittedScale));
    this.x = x - ((x - this.x) * next) / this.scale;
    this.y = y - ((y - this.y) * next) / this.scale;
    this.scale = next;
    this.settle();
  }

  zoomBy(factor, x, y) {
    this.zoomTo(this.scale * factor, x, y);
  }

  pan(dx, dy) {
    if (!this.image) return;
    this.x += dx;
    this.y += dy;
    this.settle();
  }

  settle() {
    this.isFitted = false;
    this.keepInSight();
    this.requestDraw();
    this.on.moved();
  }

  // At least a fifth of the canvas keeps showing the image, so that it can't be lost.
  keepInSight() {
    const { canvas, scale } = this;
    const { width, height } = seenSize(this.image.spec, this.turn);
    const [marginX, marginY] = [canvas.width / 5, canvas.height / 5];
    this.x = Math.min(canvas.width - marginX, Math.max(marginX - width * scale, this.x));
    this.y = Math.min(canvas.height - marginY, Math.max(marginY - height * scale, this.y));
  }

  // Rotate or reflect what is seen around the middle of the canvas.
  turnBy([a, b, c, d]) {
    if (!this.image) return;
    const middle = [this.canvas.width / 2, this.canvas.height / 2];
    const point = toImage(this.image.spec, this, ...middle);
    const [e, f, g, h] = this.turn;
    this.turn = [a * e + c * f, b * e + d * f, a * g + c * h, b * g + d * h];
    if (this.isFitted) this.fit();
    else this.bringTo(point, middle);
  }

  bringTo(point, [x, y]) {
    const [left, top] = toCanvas(this.image.spec, this, ...point);
    this.pan(x - left, y - top);
  }

  // The view for an image of another size: its zoom, of the fitted one; the middle of the canvas, as shares of the sides.
  get look() {
    const { spec } = this.image;
    const [column, row] = toImage(spec, this, this.canvas.width / 2, this.canvas.height / 2);
    const { turn, isFitted } = this;
    return { turn, isFitted, zoom: this.scale / this.fittedScale, at: [column / spec.width, row / spec.height] };
  }

  // Does not report that it has moved.
  set look({ turn, isFitted, zoom, at }) {
    const { spec } = this.image;
    Object.assign(this, { turn, isFitted }, fitted(spec, this.box, turn));
    if (!isFitted) {
      this.scale *= zoom;
      const [left, top] = toCanvas(spec, this, at[0] * spec.width, at[1] * spec.height);
      this.x += this.canvas.width / 2 - left;
      this.y += this.canvas.height / 2 - top;
    }
    this.requestDraw();
  }

  magnify(lens) {
    this.lens = lens;
    this.requestDraw();
  }

  // `box`: the canvas in whole pixels of the screen, so that none of them is blended from two of the canvas.
  resize(box) {
    const ratio = window.devicePixelRatio || 1;
    const width = box?.inlineSize ?? Math.round(this.canvas.clientWidth * ratio);
    const height = box?.blockSize ?? Math.round(this.canvas.clientHeight * ratio);
    if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
    this.x += (width - this.canvas.width) / 2;
    this.y += (height - this.canvas.height) / 2;
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.image && this.isFitted) Object.assign(this, fitted(this.image.spec, this.box, this.turn));
    this.on.resized();
    this.draw();
  }

  requestDraw() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { canvas, context, bitmap, turn } = this;
    const box = { left: 0, top: 0, width: canvas.width, height: canvas.height };
    if (!this.image) {
      context.fillStyle = SURROUND;
      context.fillRect(0, 0, canvas.width, canvas.height);
      return;
    }
    const isPainted = bitmap?.width === canvas.width && bitmap.height === canvas.height;
    if (this.isFitted && isPainted && String(turn) === String(UPRIGHT)) context.drawImage(bitmap, 0, 0);
    else this.paint(this.painter, this, box);
    if (this.lens) this.drawLens();
    this.on.drawn();
  }

  paint(painter, { scale, x, y, turn }, box) {
    const isSmooth = this.isFitted || scale <= CRISP_SCALE;
    painter.paint(this.context, this.image, this.on.table(), { scale, x, y, turn, isSmooth }, box);
  }

  drawLens() {
    const { context, lens, turn } = this;
    const radius = LENS_RADIUS * (window.devicePixelRatio || 1);
    const around = (at, side) => at - (at - Math.round(side)) * LENS_POWER; // rounded, as it is painted
    const [x, y] = [around(lens.x, this.x), around(lens.y, this.y)];
    context.save();
    context.beginPath();
    context.arc(lens.x, lens.y, radius, 0, 2 * Math.PI);
    context.clip();
    const box = { left: lens.x - radius, top: lens.y - radius, width: 2 * radius, height: 2 * radius };
    this.paint(this.lensPainter, { scale: this.scale * LENS_POWER, x, y, turn }, box);
    context.restore();
    context.lineWidth = 2;
    context.strokeStyle = "#8fa3b8";
    context.stroke();
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }
}
