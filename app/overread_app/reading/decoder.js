// The worker: fetches an image, unpacks it and paints it as it is seen first, away from the thread that hears the keys.
//
// Asked with {number, url, ticket, box}, it answers {number, image: {spec, levels, bitmap}} or {number, status,
// message}; status 0: there is no connection. The bitmap has the size of the box, in pixels of the screen.

const TIMEOUT_MS = 60_000;
const painter = new Painter();

self.onmessage = async ({ data: { number, url, ticket, box } }) => {
  try {
    const headers = { Authorization: `Bearer ${ticket}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) {
      const { message } = await response.json().catch(() => ({}));
      self.postMessage({ number, status: response.status, message });
      return;
    }
    const spec = JSON.parse(response.headers.get("X-Overread-Image"));
    const image = { spec, levels: await unpack(response.body, spec) };
    image.bitmap = paint(image, box);
    self.postMessage({ number, image }, [...image.levels.map(({ codes }) => codes.buffer), image.bitmap]);
  } catch {
    self.postMessage({ number, status: 0 });
  }
};

function paint(image, { width, height }) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  const view = { ...fitted(image.spec, { width, height }), isSmooth: true };
  painter.paint(context, image, lookupTable(image.spec), view, { left: 0, top: 0, width, height });
  return canvas.transferToImageBitmap();
}
