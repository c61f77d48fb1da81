// One press, one verdict: which presses count, by key and by mouse.
//
// Streamlit listens on the document, so the window's capture phase comes first. The listeners are set when this module
// is loaded and stay: a key may be held from one page to the next.

const DWELL_MS = 300; // nobody has looked at an image that was painted less than this ago
const EDITABLE = "input, textarea, select, [contenteditable='true']";
const STREAMLIT_KEYS = ["c", "r"]; // its own shortcuts, which would take the reader from the image

const held = new Set(); // codes of keys that are down: remote desktops send a held key as fresh presses
let reading = null; // the one on the page
let left = null; // {storage, path, table, draft, isMissing}: of the last one that was taken away, until it is back

// A key that nothing takes, on the page of a reading that is being drawn anew: it is refused once that is back.
function miss({ key }) {
  const name = key.length === 1 ? key.toLowerCase() : key;
  left.isMissing ||= location.pathname === left.path && left.table.some(({ keys }) => keys.includes(name));
}

function isEditable(node) {
  return node instanceof Element && node.closest(EDITABLE) !== null;
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

// A letter as it stands in the key table; shift+1, whatever character that gives, where it gives no key of the table.
function nameOf({ key, code, shiftKey }) {
  const name = key.length === 1 ? key.toLowerCase() : key;
  const digit = shiftKey && /^Digit[1-9]$/.test(code) && `shift+${code.at(-1)}`;
  return digit && !reading.action(name) ? digit : name;
}

window.addEventListener("keydown", (event) => {
  const target = event.composedPath()[0];
  if (isEditable(target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!reading) {
    if (left) miss(event);
    return;
  }
  const isFresh = !event.repeat && !held.has(event.code);
  held.add(event.code);
  const key = nameOf(event);
  const action = reading.action(key, target);
  if (action) {
    stop(event);
    if (isFresh || action.repeats) action.run(key);
  } else if (STREAMLIT_KEYS.includes(key)) {
    stop(event);
  } else if ((key === "Enter" || key === " ") && !isFresh && reading.has(target)) {
    stop(event); // a button that is pressed for as long as the key is held
  }
}, { capture: true });

window.addEventListener("keyup", (event) => {
  held.delete(event.code);
  // Enter and Escape end a note, so that the next key is a verdict again and not a letter.
  const field = event.composedPath()[0];
  const ends = event.key === "Escape" || (event.key === "Enter" && field instanceof HTMLInputElement);
  if (ends && isEditable(field) && !event.isComposing) field.blur();
}, { capture: true });
window.addEventListener("blur", () => held.clear());
