// Hides what Streamlit shows of another sample: what it shows of one stands in a container of that one's name.

const PREFIX = "st-key-review_rest_";

class Curtain {
  constructor() {
    this.style = document.head.appendChild(make("style"));
    this.showOnly("");
  }

  // name: a sample's id, "end" after the last one, or "" for nothing.
  showOnly(name) {
    const shown = PREFIX + name.replace(/[^a-zA-Z0-9_-]/g, "-"); // as Streamlit writes a key into a class
    const hidden = [`[class*="${PREFIX}"]:not([class~="${shown}"])`];
    if (name === "end") hidden.push(".st-key-review_more"); // the threshold is chosen beneath
    this.style.textContent = `${hidden.join(", ")} { display: none !important; }`;
  }

  close() {
    this.style.remove();
  }
}
