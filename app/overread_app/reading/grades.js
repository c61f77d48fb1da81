// The grade of a wrong label, where the study asks for it: chosen, if at all, before the verdict, and saved with it.

const GRADED_KINDS = ["accept", "relabel"]; // the verdicts that find the given label wrong

class Grades {
  constructor(root) {
    this.root = root;
    this.rows = root.querySelector(".grades");
    this.buttons = [];
    this.value = "";
  }

  get number() {
    return this.buttons.length;
  }

  // grades: {grade, row, text, key, help}, of one row after the other; none: the study does not ask.
  take({ grades }) {
    this.buttons = grades.map(({ grade, row, text, key, help }) => {
      const element = make("button", "grade");
      element.type = "button";
      element.append(text, Object.assign(make("kbd"), { textContent: key }));
      element.title = help;
      element.setAttribute("aria-label", `${row} ${text}`);
      element.setAttribute("aria-keyshortcuts", key);
      element.onclick = () => this.toggle(grade);
      return { element, grade, key, help };
    });
    const titles = [...new Set(grades.map(({ row }) => row))];
    this.rows.replaceChildren(...titles.flatMap((title) => [
      Object.assign(make("span", "row-title"), { textContent: title }),
      ...this.buttons.filter((_, i) => grades[i].row === title).map(({ element }) => element),
    ]));
    this.root.classList.toggle("has-grades", grades.length > 0);
  }

  // The rows of the key table.
  keys(isApplicable) {
    return this.buttons.map(({ grade, key, help }) => ({
      keys: [key.toLowerCase()],
      shown: key,
      text: help,
      applies: isApplicable,
      run: () => this.toggle(grade),
    }));
  }

  toggle(grade) {
    this.show(this.value === grade ? "" : grade);
  }

  show(value) {
    this.value = value;
    for (const { element, grade } of this.buttons) element.setAttribute("aria-pressed", grade === value);
  }

  // The grade that goes with a verdict.
  of(kind) {
    return this.number && GRADED_KINDS.includes(kind) ? this.value : "";
  }
}
