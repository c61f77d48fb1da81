// The canvas: where the image lies on it, and the hand that moves it.

const MAX_SCALE = 40; // canvas pixels per image pixel
const CRISP_SCALE = 4; // who zooms in beyond this wants to see single pixels, as squares

class Surface {
  // on: {zoom(scale), windowDrag(dx, dy), pixels(): the image's own pixels as ImageData}
  constructor(canvas, on) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.source = document.createElement("canvas"); // the image in its own pixels, greys applied
    this.on = on;
    this.isFitted = true;
    this.image = null; // {width, height}
    this.frame = 0;
    this.observer = new ResizeObserver(([entry]) => this.resize(entry.devicePixelContentBoxSize?.[0]));
    try {
      this.observer.observe(canvas, { box: "device-pixel-content-box" });
    } catch {
      this.observer.observe(canvas); // Safari cannot tell; its canvas may be a part of a pixel off
    }
    this.listen();
  }

  get box() {
    return { width: this.canvas.width, height: this.canvas.height };
  }

  // Take a new image, fitted. bitmap: that view, painted beforehand; its own pixels are asked for once they are needed.
  show(image, bitmap) {
    this.image = { width: image.width, height: image.height };
    this.bitmap = bitmap;
    this.isStale = true;
    this.fit();
    this.draw();
  }

  // The greys have changed. bitmap: the fitted view in the new greys, if there is one.
  recolour(bitmap) {
    this.bitmap = bitmap;
    this.isStale = true;
    this.requestDraw();
  }

  clear() {
    this.image = null;
    this.draw();
  }

  fit() {
    if (!this.image) return;
    this.isFitted = true;
    Object.assign(this, fitted(this.image, this.box));
    this.requestDraw();
  }

  // Zoom so that the image point under (x, y), in canvas pixels, stays where it is.
  zoomTo(scale, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    if (!this.image) return;
    const fitted = Math.min(this.canvas.width / this.image.width, this.canvas.height / this.image.height);
    const next = Math.min(Math.max(scale, Math.min(1, fitted) / 2), Math.max(MAX_SCALE, fitted));
    this.x = x - ((x - this.x) * next) / this.scale;
    this.y = y - ((y - this.y) * next) / this.scale;
    this.scale = next;
    this.isFitted = false;
    this.keepInSight();
    this.requestDraw();
  }

  zoomBy(factor, x, y) {
    this.zoomTo(this.scale * factor, x, y);
  }

  pan(dx, dy) {
    if (!this.image) return;
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.keepInSight();
    this.requestDraw();
  }

  // At least a fifth of the canvas keeps showing the image, so that it can't be lost.
  keepInSight() {
    const { canvas, image, scale } = this;
    const [marginX, marginY] = [canvas.width / 5, canvas.height / 5];
    this.x = Math.min(canvas.width - marginX, Math.max(marginX - image.width * scale, this.x));
    this.y = Math.min(canvas.height - marginY, Math.max(marginY - image.height * scale, this.y));
  }

  // `box`: the canvas in whole pixels of the screen, so that none of them is blended from two of the canvas.
  resize(box) {
    const ratio = window.devicePixelRatio || 1;
    const width = box?.inlineSize ?? Math.round(this.canvas.clientWidth * ratio);
    const height = box?.blockSize ?? Math.round(this.canvas.clientHeight * ratio);
    if (!width || !height || (width === this.canvas.width && height === this.canvas.height)) return;
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.isFitted) this.fit();
    this.draw();
  }

  requestDraw() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { canvas, context, bitmap, scale } = this;
    if (!this.image) {
      context.fillStyle = SURROUND;
      context.fillRect(0, 0, canvas.width, canvas.height);
    } else if (this.isFitted && bitmap?.width === canvas.width && bitmap.height === canvas.height) {
      context.drawImage(bitmap, 0, 0);
      this.on.zoom(scale);
    } else {
      this.refresh();
      drawAt(context, this.source, this, this.isFitted || scale <= CRISP_SCALE);
      this.on.zoom(scale);
    }
  }

  // Bring the image's own pixels up to date.
  refresh() {
    if (!this.isStale) return;
    const pixels = this.on.pixels();
    if (this.source.width !== pixels.width || this.source.height !== pixels.height) {
      this.source.width = pixels.width;
      this.source.height = pixels.height;
    }
    this.source.getContext("2d", { alpha: false }).putImageData(pixels, 0, 0);
    this.isStale = false;
  }

  listen() {
    const { canvas } = this;
    const ratio = () => canvas.width / canvas.clientWidth;
    let drag = null;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const step = Math.min(60, Math.max(-60, event.deltaY * (event.deltaMode === 1 ? 20 : 1)));
      this.zoomBy(Math.exp(-step * 0.004), event.offsetX * ratio(), event.offsetY * ratio());
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      const isWindow = event.button === 2 || event.shiftKey;
      if (event.button !== 0 && !isWindow) return;
      drag = { isWindow, x: event.clientX, y: event.clientY };
      canvas.setPointerCapture(event.pointerId);
      canvas.classList.add(isWindow ? "is-windowing" : "is-panning");
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      [drag.x, drag.y] = [event.clientX, event.clientY];
      if (drag.isWindow) this.on.windowDrag(dx, dy);
      else this.pan(dx * ratio(), dy * ratio());
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        drag = null;
        canvas.classList.remove("is-windowing", "is-panning");
      });
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => this.fit());
  }

  close() {
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }
}
