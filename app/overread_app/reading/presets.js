// Windows for an image: {center, window, isInverted}, where isInverted is the reader's own inversion; and ready ones.

const NUM_PRESETS = 9;
const CT_WINDOWS = [
  // OHIF's own, in its order, by their keys in the catalogue.
  { name: "image.soft_tissue", center: 40, window: 400 },
  { name: "image.lung", center: -600, window: 1500 },
  { name: "image.liver", center: 90, window: 150 },
  { name: "image.bone", center: 480, window: 2500 },
  { name: "image.brain", center: 40, window: 80 },
];

// The window in which an image is seen first.
function firstWindow({ center, window }) {
  return { center, window, isInverted: false };
}

function hasUnits({ modality, type }) {
  return modality === "CT" && type !== "uint8"; // Hounsfield units
}

function leastWidth({ type }) {
  return type === "uint8" ? 2 : 1;
}

// The ready windows of an image: {name, center, window}. Those of CT first, so that they keep their keys.
function presets(spec) {
  const own = spec.windows.map(([center, window], i) => ({ name: say("image.own_window", { number: i + 1 }), center, window }));
  const known = CT_WINDOWS.map((each) => ({ ...each, name: say(each.name) }));
  return [...(hasUnits(spec) ? known : []), ...own, ...(hasUnits(spec) ? [] : parts(spec))].slice(0, NUM_PRESETS);
}

// Parts of what is seen first, for images whose values have no units.
function parts({ center, window, isInverted, type, scale, offset, minimum, maximum, voi }) {
  const quarter = (isInverted ? -window : window) / 4;
  const found = [
    { name: say("image.more_contrast"), center, window: window / 2 },
    { name: say("image.dark_areas"), center: center - quarter, window: window / 2 },
    { name: say("image.bright_areas"), center: center + quarter, window: window / 2 },
  ];
  if (type !== "uint8") {
    const [low, high] = [minimum * scale + offset, maximum * scale + offset];
    const extra = voi === "LINEAR" ? 1 : 0; // its lowest value is black and its highest white (PS3.3 C.11.2.1.2.1)
    found.push({ name: say("image.all_values"), center: (low + high + extra) / 2, window: high - low + extra || 1 });
  }
  return found;
}

// Whether a window for one image means the same for another.
function isSameKind(one, other) {
  const kind = (spec) => [spec.modality, spec.type, spec.isDicom, spec.channels, spec.isInverted].join();
  return kind(one) === kind(other);
}

// The window of one image, for another of its kind: the same where values have units, else the same change of what is
// seen first, as two radiographs differ in exposure.
function carriedWindow(shown, from, to) {
  if (!isSameKind(from, to)) return firstWindow(to);
  if (hasUnits(from)) return { ...shown };
  return {
    center: to.center + ((shown.center - from.center) * to.window) / from.window,
    window: Math.max(leastWidth(to), (shown.window * to.window) / from.window),
    isInverted: shown.isInverted,
  };
}
