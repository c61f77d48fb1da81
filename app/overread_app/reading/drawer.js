// What the reader has decided, the newest first, to look through, search and open again.

const NUM_LISTED = 60;
const TYPING_MS = 200;

class Drawer {
  // on: {ask(body): the server's {status, answer}, open(id)}
  constructor(root, on) {
    this.on = on;
    this.dialog = root.querySelector(".drawer");
    this.list = this.dialog.querySelector("ul");
    this.said = this.dialog.querySelector(".drawer-said");
    this.search = this.dialog.querySelector("input");
    this.more = this.dialog.querySelector(".drawer-more");
    this.number = 0; // of the last question
    root.querySelector(".counts").onclick = () => this.toggle();
    this.dialog.querySelector(".drawer-close").onclick = () => this.dialog.close();
    this.dialog.onclose = () => this.list.replaceChildren();
    this.more.onclick = () => this.load(this.next);
    this.search.oninput = () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.load(null), TYPING_MS);
    };
  }

  get isOpen() {
    return this.dialog.open;
  }

  toggle() {
    if (this.isOpen) {
      this.dialog.close();
      return;
    }
    this.search.value = "";
    this.dialog.showModal();
    this.load(null);
  }

  // after: where the list goes on; null: from the newest.
  async load(after) {
    const number = ++this.number;
    const { status, answer } = await this.on.ask({ after, count: NUM_LISTED, search: this.search.value });
    if (number !== this.number || !this.isOpen) return;
    if (status !== 200) {
      this.said.textContent = answer.message ?? say("decided.problem");
      return;
    }
    if (after === null) this.list.replaceChildren();
    this.list.append(...answer.decided.map((each) => this.entry(each)));
    this.next = answer.next;
    this.more.hidden = answer.next === null;
    const none = say(this.search.value ? "decided.no_match" : "decided.none");
    this.said.textContent = this.list.children.length ? "" : none;
  }

  entry({ id, thumb, text, colour, note }) {
    const button = make("button", "decided-one");
    button.type = "button";
    button.title = [text, note, id].filter(Boolean).join("\n");
    const picture = button.appendChild(make("img"));
    picture.alt = "";
    if (thumb) picture.src = thumb;
    const words = button.appendChild(make("span"));
    words.appendChild(make("i")).style.background = colour;
    words.append(text);
    if (note) button.appendChild(make("small")).textContent = note;
    button.onclick = () => {
      this.dialog.close();
      this.on.open(id);
    };
    const row = make("li");
    row.append(button);
    return row;
  }
}
