// Elements, and names in them: of classes, which may be long.

const LONG = 24; // characters
const TAIL = 12; // characters at the end of a long name that are always in sight

// A name that is cut in its middle where its place is too narrow; whole on hover.
class Name {
  constructor(element = make("span")) {
    element.classList.add("name");
    this.element = element;
    this.lead = element.appendChild(make("span"));
    this.head = element.appendChild(make("span"));
    this.tail = element.appendChild(make("span"));
  }

  // lead: words before the name, which are not cut.
  write(text, lead = "") {
    const letters = Array.from(text);
    let place = letters.length;
    if (place > LONG) {
      place -= TAIL;
      place += Math.max(letters.slice(place, -4).indexOf(" "), 0); // rather a whole word at the end
    }
    this.lead.textContent = lead && `${lead} `;
    this.head.textContent = letters.slice(0, place).join("");
    this.tail.textContent = letters.slice(place).join("");
    this.element.title = text;
  }
}

function make(tag, className = "") {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}
