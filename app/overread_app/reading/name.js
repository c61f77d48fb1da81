// Elements, and names in them: of classes, which may be long.

const LONG = 24; // characters
const TAIL = 12; // characters at the end of a long name that are always in sight
const MOST_TAIL = 24; // where they must tell it from another name
const START = 8; // of names that begin with the same characters, the ends must differ in sight
let classNames = [];

// names: of the classes, which must not look alike when they are cut.
function tellApart(names) {
  classNames = names.map((name) => Array.from(name));
}

// The place of the last word in which a name differs from another one; its end where their beginnings differ.
function placeOfDifference(letters, other) {
  if (letters.slice(0, START).join("") !== other.slice(0, START).join("")) return letters.length;
  let place = letters.length - 1;
  for (let at = other.length - 1; place > 0 && at > 0 && letters[place] === other[at]; at--) place--;
  if (place === 0) return letters.length; // the same name
  return Math.max(letters.lastIndexOf(" ", place - 1) + 1, letters.length - MOST_TAIL);
}

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
    place = Math.min(place, ...classNames.map((other) => placeOfDifference(letters, other)));
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
