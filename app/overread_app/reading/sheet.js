// The list of keys and gestures, made from the key table.

class Sheet {
  constructor(root) {
    this.dialog = root.querySelector(".sheet");
    this.list = this.dialog.querySelector(".keys");
    root.querySelector(".help").onclick = () => this.toggle();
    this.dialog.querySelector("button").onclick = () => this.dialog.close();
  }

  get isOpen() {
    return this.dialog.open;
  }

  toggle() {
    if (this.isOpen) this.dialog.close();
    else this.dialog.showModal();
  }

  write(table) {
    const rows = table.map(({ shown, text }) => {
      const key = make("dt");
      key.appendChild(make("kbd")).textContent = shown;
      const what = make("dd");
      what.textContent = text;
      return [key, what];
    });
    this.list.replaceChildren(...rows.flat());
  }
}
