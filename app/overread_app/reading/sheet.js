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
      const row = make("div");
      row.appendChild(make("dt")).appendChild(make("kbd")).textContent = shown;
      row.appendChild(make("dd")).textContent = text;
      return row;
    });
    this.list.replaceChildren(...rows);
  }
}
