// An image's pixels: unpacked at full bit depth, turned into greys by a table, laid out in a box.
//
// A spec, as the server describes an image: {width, height, channels, type, scale, offset, minimum, maximum, center,
// window, voi, isInverted, isDicom}. Codes are row by row, little-endian; they lie in minimum..maximum, and a value (a
// Hounsfield unit, say) is code * scale + offset. The window is in values. The code maximum + 1 is padding, which is
// black whatever the window.

const SURROUND = "#0c0e10";

// Codes of a body that is gzipped.
export async function unpack(body, spec) {
  const buffer = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const codes = spec.type === "uint8" ? new Uint8Array(buffer) : new Uint16Array(buffer);
  if (codes.length !== spec.width * spec.height * spec.channels) throw new Error("not whole");
  return codes;
}

// Greys 0..255 for every code from 0 to maximum + 1. Source: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
export function lookupTable({ scale, offset, minimum, maximum, center, window, voi, isInverted }) {
  const table = new Uint8ClampedArray(maximum + 2); // rounds and clamps on assignment; begins as black
  for (let code = minimum; code <= maximum; code++) {
    const value = code * scale + offset;
    let fraction;
    if (voi === "SIGMOID") fraction = 1 / (1 + Math.exp((-4 * (value - center)) / window));
    else if (voi === "LINEAR_EXACT") fraction = (value - center) / window + 0.5;
    else if (window <= 1) fraction = value <= center - 0.5 ? 0 : 1;
    else fraction = (value - (center - 0.5)) / (window - 1) + 0.5;
    const grey = 255 * Math.min(1, Math.max(0, fraction));
    table[code] = isInverted ? 255 - grey : grey;
  }
  return table;
}

// Write the image into an ImageData of its size.
export function colour({ codes, spec }, table, imageData) {
  const out = new Uint32Array(imageData.data.buffer); // ABGR: every machine that runs a browser is little-endian
  if (spec.channels === 3) {
    for (let i = 0, j = 0; i < out.length; i++, j += 3) {
      out[i] = 0xff000000 | (table[codes[j + 2]] << 16) | (table[codes[j + 1]] << 8) | table[codes[j]];
    }
    return;
  }
  const words = new Uint32Array(table.length);
  for (let i = 0; i < table.length; i++) words[i] = 0xff000000 | (table[i] * 0x010101);
  for (let i = 0; i < out.length; i++) out[i] = words[codes[i]];
}

// Where an image lies that fills a box without being cut: {scale, x, y}.
export function fitted(image, box) {
  const scale = Math.min(box.width / image.width, box.height / image.height);
  return { scale, x: (box.width - image.width * scale) / 2, y: (box.height - image.height * scale) / 2 };
}

// Draw the image's own pixels, a canvas, at that place on a context.
export function drawAt(context, source, { scale, x, y }, isSmooth) {
  context.fillStyle = SURROUND;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.imageSmoothingEnabled = isSmooth;
  context.imageSmoothingQuality = "high";
  // From whole canvas pixels on: at 1:1 each pixel of the image is one of the screen, unblended.
  context.drawImage(source, Math.round(x), Math.round(y), source.width * scale, source.height * scale);
}
