// An image's pixels in the browser: fetched once, kept at full bit depth, turned into greys by a table.
//
// An image, as the server describes it: {url, width, height, channels, type, scale, offset, minimum, maximum,
// center, window, voi, isInverted, isDicom}. `url` gives its codes, row by row, little-endian, gzipped; they lie in
// minimum..maximum, and a value (a Hounsfield unit, say) is code * scale + offset. The window is in values. The code
// maximum + 1 is padding, which is black whatever the window.

const NUM_KEPT = 6;
const fetched = new Map(); // url -> promise of codes; in the order of use, the oldest first

// {spec, codes}. What was prefetched is not fetched again.
export async function load(spec) {
  const promise = fetched.get(spec.url) ?? fetchCodes(spec);
  fetched.delete(spec.url);
  fetched.set(spec.url, promise);
  for (const url of fetched.keys()) {
    if (fetched.size <= NUM_KEPT) break;
    fetched.delete(url);
  }
  try {
    return { spec, codes: await promise };
  } catch (error) {
    fetched.delete(spec.url); // a failure is not kept: the next visit asks again
    throw error;
  }
}

async function fetchCodes(spec) {
  const response = await fetch(spec.url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const stream = response.body.pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
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
export function colour(image, table, imageData) {
  const { codes, spec } = image;
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
