// The dialog before a verdict on many images: which they are, what will be recorded, and how far that is.

const NUM_SENT = 200; // in one request

class Confirm {
  // on: {save(verdict, tiles, told, cancelled): sends them; told(text): how far that is; cancelled: resolves when the
  // reader closes the dialog meanwhile}, criticals: names of classes.
  constructor(root, store, { colours, criticals }, on) {
    this.dialog = root.querySelector(".confirm");
    this.find = (name) => this.dialog.querySelector(`.${name}`);
    this.store = store;
    this.colours = colours;
    this.criticals = criticals;
    this.on = on;
    this.find("cancel").onclick = () => this.dialog.close();
    this.find("confirm-it").onclick = (event) => event.detail <= 1 && this.save();
    this.dialog.onclose = () => {
      this.find("pictures").replaceChildren();
      this.isSaving = false;
      this.cancel?.();
    };
    // A key that is still held from the grid decides nothing.
    this.dialog.addEventListener("keydown", (event) => event.repeat && event.preventDefault());
  }

  get isOpen() {
    return this.dialog.open;
  }

  // kind: accept, reject or relabel; label: of relabel.
  open(kind, label, tiles) {
    this.verdict = { kind, label };
    const changes = tiles.map((tile) => ({ tile, after: after(kind, label, tile) }));
    const isLeftOut = ({ tile, after }) => !after || this.criticalNames(tile, after).length > 0;
    const pair = ({ tile, after }) => `${tile.given}\n${after}`;
    this.chosen = changes.filter((change) => !isLeftOut(change)).sort((a, b) => pair(a).localeCompare(pair(b)));
    this.leftOut = changes.filter(isLeftOut);
    this.find("pictures").replaceChildren(...this.chosen.map((change) => this.picture(change)));
    this.find("asked").hidden = !this.chosen.length;
    this.write();
    this.dialog.showModal();
    this.find(this.chosen.length ? "confirm-it" : "cancel").focus();
    const canvases = new Map(this.chosen.map(({ tile, canvas }) => [tile.id, canvas]));
    this.store.images(this.chosen.map(({ tile }) => tile), (tile, image) => paintJpeg(canvases.get(tile.id), image));
  }

  // As the server decides it: a label that changes, from or to a critical class.
  criticalNames({ given, verdict }, after) {
    const before = verdict ? verdict.label : given;
    if (before === after) return [];
    return [...new Set([given, before, after])].filter((name) => this.criticals.includes(name));
  }

  picture(change) {
    const button = make("button");
    button.type = "button";
    button.setAttribute("aria-label", say("confirm.leave_out", { tile: tileWords(change.tile) }));
    change.canvas = button.appendChild(make("canvas"));
    change.canvas.width = change.canvas.height = 112;
    const name = new Name(button.appendChild(make("span")));
    name.write(change.tile.given);
    button.onclick = () => {
      if (this.isSaving) return;
      this.chosen = this.chosen.filter((each) => each !== change);
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      (next?.firstChild ?? this.find("cancel")).focus();
      this.write();
    };
    const row = make("li");
    row.append(button);
    return row;
  }

  write() {
    const effects = effectTexts(this.chosen);
    const number = this.chosen.length;
    this.dialog.querySelector("h2").textContent =
      effects.length === 1 ? effects[0] : say(number ? "confirm.decide" : "confirm.nothing", { number });
    const again = this.chosen.filter(({ tile }) => tile.verdict).length;
    const lines = effects.length > 1 ? effects : [];
    if (again) lines.push(say("confirm.again", { number: again }));
    this.find("effects").replaceChildren(...lines.map((text) => Object.assign(make("li"), { textContent: text })));
    this.find("effects").hidden = !lines.length;
    this.find("critical").textContent = leftOutText(this.leftOut, (tile, after) => this.criticalNames(tile, after));
    this.find("critical").hidden = !this.leftOut.length;
    const button = this.find("confirm-it");
    button.textContent = say(this.verdict.kind === "reject" ? "confirm.do_keep" : "confirm.do_change", { number });
    button.hidden = !number;
    button.disabled = false;
    this.find("progressing").textContent = "";
  }

  async save() {
    if (this.isSaving) return;
    this.isSaving = true;
    this.find("confirm-it").disabled = true;
    const told = (text) => (this.find("progressing").textContent = text);
    told(say("confirm.saving"));
    const cancelled = new Promise((resolve) => (this.cancel = resolve));
    await this.on.save(this.verdict, this.chosen.map(({ tile }) => tile), told, cancelled);
    if (this.isSaving) this.dialog.close();
  }
}

function after(kind, label, { given, likely }) {
  return { accept: likely, reject: given, relabel: label }[kind];
}

// What will be recorded, the most frequent first.
function effectTexts(changes) {
  const numbers = new Map();
  for (const { tile, after } of changes) {
    const key = JSON.stringify([tile.given, after]);
    numbers.set(key, (numbers.get(key) ?? 0) + 1);
  }
  return [...numbers].sort((a, b) => b[1] - a[1]).map(([key, number]) => {
    const [given, after] = JSON.parse(key);
    return say(given === after ? "confirm.keep" : "confirm.change", { number, given, after });
  });
}

function leftOutText(changes, criticalNames) {
  const critical = changes.filter(({ after }) => after);
  const names = [...new Set(critical.flatMap(({ tile, after }) => criticalNames(tile, after)))];
  const texts = [];
  if (critical.length) {
    const joined = names.reduce((first, second) => say("confirm.and", { first, second }));
    texts.push(say("confirm.critical", { number: critical.length, names: joined }));
  }
  const unlikely = changes.length - critical.length;
  if (unlikely) texts.push(say("confirm.unlikely", { number: unlikely }));
  return texts.join(" ");
}
