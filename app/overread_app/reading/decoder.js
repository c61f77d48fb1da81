// The worker: fetches an image, unpacks it and paints it as it is seen first, away from the thread that hears the keys.
//
// Asked with {number, url, ticket, box}, it answers {number, image: {spec, codes, bitmap}} or {number, status, message};
// status 0: there is no connection. The bitmap has the size of the box, in pixels of the screen.

self.onmessage = async ({ data: { number, url, ticket, box } }) => {
  try {
    const response = await fetch(url, { headers: { Authorization: `Bearer ${ticket}` } });
    if (!response.ok) {
      const { message } = await response.json().catch(() => ({}));
      self.postMessage({ number, status: response.status, message });
      return;
    }
    const spec = JSON.parse(response.headers.get("X-Overread-Image"));
    const codes = await unpack(response.body, spec);
    const bitmap = paint({ spec, codes }, box);
    self.postMessage({ number, image: { spec, codes, bitmap } }, [codes.buffer, bitmap]);
  } catch {
    self.postMessage({ number, status: 0 });
  }
};

function paint(image, box) {
  const { spec } = image;
  const source = new OffscreenCanvas(spec.width, spec.height);
  const pixels = new ImageData(spec.width, spec.height);
  colour(image, lookupTable(spec), pixels);
  source.getContext("2d", { alpha: false }).putImageData(pixels, 0, 0);
  const canvas = new OffscreenCanvas(box.width, box.height);
  drawAt(canvas.getContext("2d", { alpha: false }), source, fitted(spec, box), true);
  return canvas.transferToImageBitmap();
}
