// An image's pixels: unpacked at full bit depth, turned into greys by a table, laid on a canvas.
//
// A spec, as the server describes an image: {width, height, channels, type, scale, offset, minimum, maximum, center,
// window, voi, isInverted, isDicom, windows, modality, spacing_mm, isAtDetector}. Codes are row by row, little-endian;
// they lie in minimum..maximum, and a value (a Hounsfield unit, say) is code * scale + offset. The window is in values.
// The code maximum + 1 is padding, which is black whatever the window.
//
// An image: {spec, levels}; a level is {width, height, codes}, each half as wide and high as the one before it, so that
// no frame takes longer for a larger image.
//
// A view of it: {scale, x, y, turn}. scale: canvas pixels per image pixel; (x, y): where the top left corner of what is
// shown lies on the canvas; turn: [a, b, c, d], the rotation and reflection, as a canvas's transform has them.

const SURROUND = "#0c0e10";
const UPRIGHT = [1, 0, 0, 1];
const SMALL = 256; // pixels: a level whose shorter side is smaller is not needed
const MARGIN = 2; // pixels of a level beyond the canvas, for smoothing

// The levels of a body that is gzipped.
export async function unpack(body, spec) {
  const buffer = await new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const codes = spec.type === "uint8" ? new Uint8Array(buffer) : new Uint16Array(buffer);
  if (codes.length !== spec.width * spec.height * spec.channels) throw new Error("not whole");
  const levels = [{ width: spec.width, height: spec.height, codes }];
  while (Math.min(levels.at(-1).width, levels.at(-1).height) >= 2 * SMALL) levels.push(halved(levels.at(-1), spec));
  return levels;
}

// The mean of each 2 x 2 codes; beside padding, the first of them.
export function halved({ width, height, codes }, { channels, maximum }) {
  const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
  half.codes = new codes.constructor(half.width * half.height * channels);
  for (let y = 0, i = 0; y < half.height; y++) {
    const above = 2 * y * width * channels;
    const below = Math.min(2 * y + 1, height - 1) * width * channels;
    for (let x = 0; x < half.width; x++) {
      const left = 2 * x * channels;
      const right = Math.min(2 * x + 1, width - 1) * channels;
      for (let channel = 0; channel < channels; channel++, i++) {
        const first = codes[above + left + channel];
        const second = codes[above + right + channel];
        const third = codes[below + left + channel];
        const fourth = codes[below + right + channel];
        const isMixed = first > maximum || second > maximum || third > maximum || fourth > maximum;
        half.codes[i] = isMixed ? first : (first + second + third + fourth + 2) >> 2;
      }
    }
  }
  return half;
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

// The size of an image of the spec as it is seen: rotated by a quarter, its sides are exchanged.
export function seenSize({ width, height }, turn) {
  return turn[0] ? { width, height } : { width: height, height: width };
}

// The view in which an image fills a box without being cut.
export function fitted(spec, box, turn = UPRIGHT) {
  const { width, height } = seenSize(spec, turn);
  const scale = Math.min(box.width / width, box.height / height);
  return { scale, x: (box.width - width * scale) / 2, y: (box.height - height * scale) / 2, turn };
}

// Where the image's own top left corner lies, from the corner of what is seen, in image pixels.
function origin({ width, height }, [a, b, c, d]) {
  return [-Math.min(0, a * width) - Math.min(0, c * height), -Math.min(0, b * width) - Math.min(0, d * height)];
}

// The place in the image, in its pixels, that a view shows at a place of the canvas; and back.
export function toImage(spec, { scale, x, y, turn }, left, top) {
  const [a, b, c, d] = turn;
  const corner = origin(spec, turn);
  const [across, down] = [(left - x) / scale - corner[0], (top - y) / scale - corner[1]];
  return [a * across + b * down, c * across + d * down];
}

export function toCanvas(spec, { scale, x, y, turn }, column, row) {
  const [a, b, c, d] = turn;
  const corner = origin(spec, turn);
  return [x + scale * (corner[0] + a * column + c * row), y + scale * (corner[1] + b * column + d * row)];
}

// Lays the part of an image that is in sight on a canvas; its memory is kept from frame to frame.
export class Painter {
  constructor() {
    this.tile = new OffscreenCanvas(1, 1);
    this.context = this.tile.getContext("2d", { alpha: false });
    this.bytes = new Uint8ClampedArray(4);
  }

  // box: the part of the canvas to paint, {left, top, width, height}.
  paint(context, { spec, levels }, table, view, box) {
    context.fillStyle = SURROUND;
    context.fillRect(box.left, box.top, box.width, box.height);
    const { scale, turn } = view;
    const number = Math.min(levels.length - 1, Math.max(0, Math.floor(-Math.log2(scale))));
    const level = levels[number];
    const step = 2 ** number;
    const part = this.partInSight(spec, level, step, view, box);
    if (part.width <= 0 || part.height <= 0) return;
    this.colour(level, part, table, spec);
    // From whole canvas pixels on: at 1:1 each pixel of the image is one of the screen, unblended.
    const whole = { ...view, x: Math.round(view.x), y: Math.round(view.y) };
    const [a, b, c, d] = turn;
    context.setTransform(a, b, c, d, ...toCanvas(spec, whole, 0, 0));
    context.imageSmoothingEnabled = view.isSmooth;
    context.imageSmoothingQuality = "medium";
    const size = step * scale;
    const place = [part.left * size, part.top * size, part.width * size, part.height * size];
    context.drawImage(this.tile, 0, 0, part.width, part.height, ...place);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  // In pixels of the level.
  partInSight(spec, level, step, view, { left, top, width, height }) {
    const [first, last] = [toImage(spec, view, left, top), toImage(spec, view, left + width, top + height)];
    const [columns, rows] = [0, 1].map((axis) => {
      const limit = axis ? level.height : level.width;
      const sides = [first[axis] / step, last[axis] / step];
      return [
        Math.max(0, Math.floor(Math.min(...sides)) - MARGIN),
        Math.min(limit, Math.ceil(Math.max(...sides)) + MARGIN),
      ];
    });
    return { left: columns[0], top: rows[0], width: columns[1] - columns[0], height: rows[1] - rows[0] };
  }

  // Colour the part of a level, at the tile's top left corner.
  colour({ codes, width: stride }, { left, top, width, height }, table, { channels }) {
    const numBytes = 4 * width * height;
    if (this.bytes.length < numBytes) this.bytes = new Uint8ClampedArray(numBytes);
    const out = new Uint32Array(this.bytes.buffer, 0, width * height); // ABGR: all browsers' machines are little-endian
    const words = channels === 1 ? greyWords(table) : null;
    for (let row = 0, i = 0; row < height; row++) {
      let j = ((top + row) * stride + left) * channels;
      const end = i + width;
      if (words) while (i < end) out[i++] = words[codes[j++]];
      else {
        for (; i < end; i++, j += 3) {
          out[i] = 0xff000000 | (table[codes[j + 2]] << 16) | (table[codes[j + 1]] << 8) | table[codes[j]];
        }
      }
    }
    if (this.tile.width < width || this.tile.height < height) {
      this.tile.width = Math.max(this.tile.width, width);
      this.tile.height = Math.max(this.tile.height, height);
    }
    this.context.putImageData(new ImageData(this.bytes.subarray(0, numBytes), width, height), 0, 0);
  }
}

function greyWords(table) {
  const words = new Uint32Array(table.length);
  for (let i = 0; i < table.length; i++) words[i] = 0xff000000 | (table[i] * 0x010101);
  return words;
}
