// The words of the page, in the reader's language: the texts of the catalogue, which the page hands over when it mounts.

const ATTRIBUTES = { label: "aria-label", description: "aria-description", title: "title", hint: "placeholder" };
let language = "en";
let texts = {}; // key -> text, or {one, other}: its forms for a number

function learn({ words, language: of }) {
  texts = words;
  language = of;
}

function numberText(number) {
  return number.toLocaleString(language);
}

// The text of that key, with these values in its places; `number` chooses between its forms, if it has two.
function say(key, values = {}) {
  const entry = texts[key];
  const text = typeof entry === "string" ? entry : values.number === 1 ? entry.one : entry.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? numberText(values[name]) : values[name]));
}

// Elements in the places of a text, which has them in this language's order.
function sayAround(element, key, parts) {
  element.replaceChildren(...texts[key].split(/\{(\w+)\}/).map((part, i) => (i % 2 ? parts[part] : part)));
}

// Write the texts that the markup names into it: data-text before what is in an element, the others into attributes.
function writeTexts(root) {
  root.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) {
    if (element.firstChild?.nodeType !== Node.TEXT_NODE) element.prepend("");
    element.firstChild.data = say(element.dataset.text);
  }
  for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
    for (const element of root.querySelectorAll(`[data-${name}]`)) element.setAttribute(attribute, say(element.dataset[name]));
  }
}
