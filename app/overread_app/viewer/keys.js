// One press, one verdict: what must not reach the page's buttons is stopped here, before they hear it.
//
// Streamlit's shortcuts listen on the document and its buttons below that, so the window's capture phase comes first.
// The listeners are set when this module is loaded and stay: a key may be held from one page to the next.

const DWELL_MS = 300; // nobody has looked at a image that was painted less than this ago
const EDITABLE = "input, textarea, select, [contenteditable='true']";
const VERDICTS = "[class*='st-key-review_verdict']";

const held = new Set(); // codes of keys that are down: remote desktops send a held key as fresh presses
const viewersKeys = new Set(); // functions of (event) -> whether a viewer took the key
let paintedAt = -Infinity; // when the image at hand was painted; Infinity while one is on its way

function isTooEarly() {
  return performance.now() - paintedAt < DWELL_MS;
}

function isEditable(node) {
  return node instanceof Element && node.closest(EDITABLE) !== null;
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

window.addEventListener("keydown", (event) => {
  const target = event.composedPath()[0];
  if (isEditable(target)) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ([...viewersKeys].some((take) => take(event))) return stop(event);
  if (event.key.length > 1 && event.key !== "Enter") return;
  if (event.repeat || held.has(event.code) || isTooEarly()) stop(event);
  held.add(event.code);
}, { capture: true });

window.addEventListener("keyup", (event) => {
  held.delete(event.code);
  // Enter and Escape end a note, so that the next key is a verdict again and not a letter. (At the key's release: the
  // field itself commits while it goes down.)
  const field = event.composedPath()[0];
  const ends = event.key === "Escape" || (event.key === "Enter" && field instanceof HTMLInputElement);
  if (ends && isEditable(field) && !event.isComposing) field.blur();
}, { capture: true });
window.addEventListener("blur", () => held.clear());

window.addEventListener("click", (event) => {
  const isVerdict = event.target instanceof Element && event.target.closest(VERDICTS);
  // The second click of a double click may fall on the next sample's button, which took the first one's place.
  if (isVerdict && (event.detail > 1 || isTooEarly())) stop(event);
}, { capture: true });
