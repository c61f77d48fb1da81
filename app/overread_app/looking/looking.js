// Looking: one image in the viewer of reading, beside which the page asks in its own fields.

const DWELL_MS = 300; // nobody has looked at an image that was painted less than this ago
const CHOICES = ".st-key-adjudication_choices button"; // the page's own, in the order of their keys
const TEXT = "input:not([type='checkbox']), textarea, select";

const looks = new WeakMap();
const held = new Set(); // codes of keys that are down: remote desktops send a held key as fresh presses
let current = null; // the look on the page

// Before Streamlit, which takes no keys while a toggle has the focus.
window.addEventListener("keydown", (event) => {
  const { key, code, repeat } = event;
  if (!current || !/^[1-9]$/.test(key) || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.composedPath()[0];
  if (field instanceof Element && field.closest(TEXT)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const isFresh = !repeat && !held.has(code);
  held.add(code);
  if (isFresh && current.isSeen) document.querySelectorAll(CHOICES)[key - 1]?.click();
}, { capture: true });
window.addEventListener("keyup", ({ code }) => held.delete(code), { capture: true });
window.addEventListener("blur", () => held.clear());

export default function ({ data, parentElement }) {
  if (!parentElement.isConnected) return; // the page has gone on meanwhile
  if (!looks.has(parentElement)) looks.set(parentElement, new Look(parentElement, data));
  current = looks.get(parentElement);
  current.take(data);
  return () => {
    // Streamlit also calls this for data that newer data have overtaken, while the component is still there.
    if (parentElement.isConnected) return;
    const look = looks.get(parentElement);
    look?.store.close();
    looks.delete(parentElement);
    if (current === look) current = null;
  };
}

class Look {
  constructor(parent, data) {
    learn(data);
    const root = parent.querySelector(".reading");
    writeTexts(root);
    this.server = new Server();
    this.viewer = new Viewer(root.querySelector(".viewer"), (packet) => this.store.decode(packet));
    this.store = new SampleStore(this.server, () => this.viewer.surface.box);
  }

  // Whether the reader has looked at what is to be seen of the sample.
  get isSeen() {
    return performance.now() - this.shownAt > DWELL_MS;
  }

  async take(data) {
    this.server.set(data);
    const { packet } = data;
    if (packet.id === this.packet?.id && packet.image === this.packet.image) return;
    this.packet = packet;
    this.shownAt = Infinity;
    this.viewer.blank(say("image.loading"));
    const sample = this.store.get(packet);
    await sample.ready;
    if (this.packet !== packet) return; // another one is asked for by now
    if (sample.image) this.viewer.show(sample.image);
    else this.viewer.blank(sample.message);
    this.shownAt = performance.now();
  }
}
