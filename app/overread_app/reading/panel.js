// What stands beside the image: both labels, the evidence, the verdicts' buttons. Its elements are made once for a
// study; a sample only changes their text.

const NOT_SHOWN = { label: "", colour: "" };

class Panel {
  // on: {verdict(kind, label), similar(an image of the packet's similar ones)}
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.find = (name) => root.querySelector(`.${name}`);
    this.given = new Name(this.find("given-name"));
    this.other = new Name(this.find("other-name"));
    this.own = new Name(this.find("own-name"));
    this.note = this.find("note");
    this.grades = new Grades(root);
    this.figures = [...root.querySelectorAll(".similar figure")].map((figure, i) => ({
      figure,
      button: Object.assign(figure.querySelector("button"), { onclick: () => on.similar(this.similar[i]) }),
      canvas: figure.querySelector("canvas"),
      dot: figure.querySelector("i"),
      name: figure.querySelector("figcaption span"),
    }));
    this.votes = [...root.querySelectorAll(".votes li")];
    this.counts = { decided: make("b", "decided"), total: make("span", "total") };
    sayAround(this.find("counts"), "panel.reviewed", this.counts);
    this.more = this.find("more");
    this.more.onchange = () => {
      const label = this.more.value;
      this.more.value = "";
      this.more.blur(); // so that the next key is a verdict again
      if (label) on.verdict("relabel", label);
    };
  }

  // classes: {name, colour, key}; verdicts: {kind, text, key, help}.
  take({ classes, verdicts, isDemo, grades }) {
    this.grades.take({ grades });
    this.classes = classes;
    tellApart(classes.map(({ name }) => name));
    this.root.classList.toggle("has-long-names", classes.some(({ name }) => Array.from(name).length > LONG));
    this.find("demo").hidden = !isDemo;
    this.buttons = verdicts.map((verdict) => this.verdictButton(verdict));
    this.find("main").replaceChildren(...this.buttons.slice(0, 2).map(({ element }) => element));
    this.find("plain").replaceChildren(...this.buttons.slice(2).map(({ element }) => element));
    this.thirds = classes
      .filter(({ key }) => key)
      .map((each) => this.verdictButton({ kind: "relabel", text: "", key: each.key, help: "" }, each.name));
    this.find("third").replaceChildren(...this.thirds.map(({ element }) => element));
    this.others = classes.filter(({ key }) => !key).map(({ name }) => Object.assign(make("option"), { value: name, textContent: name }));
    this.more.replaceChildren(this.more.options[0], ...this.others);
    this.bars = classes.map(({ name }) => {
      const row = make("li");
      const label = new Name(row.appendChild(make("span")));
      const fill = row.appendChild(make("div")).appendChild(make("i"));
      label.write(name);
      return { row, fill, share: row.appendChild(make("b")) };
    });
    this.find("probabilities").replaceChildren(...this.bars.map(({ row }) => row));
  }

  // A button for a verdict; `label`: the class that it chooses, where that is always the same.
  verdictButton({ kind, text, key, help }, label) {
    const element = make("button", "verdict");
    element.type = "button";
    element.append(make("span"), make("kbd"));
    const name = new Name(element.firstChild);
    name.write(label ?? text);
    element.lastChild.textContent = key;
    element.setAttribute("aria-keyshortcuts", key);
    element.setAttribute("aria-label", label ?? text);
    if (help) element.title = name.element.title = help;
    const button = { element, kind, text, key, label, name };
    element.onclick = (event) => {
      // The second click of a double click may fall on the next sample's button, which took the first one's place.
      if (event.detail <= 1) this.on.verdict(kind, button.label ?? "");
    };
    return button;
  }

  // The rows of the key table for the buttons in sight. decide: (kind, label).
  keys(decide) {
    const names = { accept: say("keys.accept"), reject: say("keys.reject") };
    const verdicts = [...this.buttons, ...this.thirds].map((button) => ({
      keys: [button.key.toLowerCase()],
      shown: button.key,
      text: names[button.kind] ?? (button.text || button.label),
      run: () => button.element.hidden || decide(button.kind, button.label),
    }));
    return [...verdicts, ...this.grades.keys(() => !this.root.classList.contains("is-blind"))];
  }

  // Show a sample of the store: all its texts at once.
  show({ packet, thumbs }) {
    const { given = NOT_SHOWN, other = NOT_SHOWN } = packet;
    const title = packet.isBlind ? say("panel.blind_title") : packet.title;
    this.root.classList.toggle("is-blind", Boolean(packet.isBlind));
    this.root.classList.remove("is-locking");
    this.find("panel").setAttribute("aria-label", title);
    this.find("title").textContent = packet.standing ? say("panel.standing", { verdict: packet.standing }) : title;
    this.find("readings").classList.toggle("is-decided", Boolean(packet.standing));
    this.root.classList.toggle("is-unread", !packet.isBlind && !other.label); // by a model
    this.find("own").hidden = !packet.reading;
    this.own.write(packet.reading);
    this.find("other-title").textContent = packet.otherTitle ?? "";
    this.given.write(given.label);
    this.other.write(other.label);
    this.find("given-dot").style.background = given.colour;
    this.find("other-dot").style.background = other.colour;
    this.find("kind").textContent = packet.kind ?? "";
    this.find("chance").textContent = packet.chance ?? "";
    this.find("detail").textContent = packet.chanceDetail ? `(${packet.chanceDetail})` : "";
    this.note.value = packet.note;
    this.grades.show(packet.grade);
    this.showButtons(given.label, other.label);
    if (!packet.isBlind) this.showEvidence(packet, thumbs ?? []);
    this.find("panel").classList.remove("is-empty");
  }

  showButtons(given, other) {
    for (const button of this.buttons) {
      if (button.kind === "accept" || button.kind === "reject") {
        button.label = button.kind === "accept" ? other : given;
        button.element.hidden = !button.label;
        button.name.write(button.label, button.text);
        button.element.setAttribute("aria-label", `${button.text} ${button.label}`);
      } else {
        button.label = button.kind === "exclude" ? "" : given;
      }
    }
    const isOther = (name) => name !== given && name !== other;
    for (const { element, label } of this.thirds) element.hidden = !isOther(label);
    for (const option of this.others) option.hidden = option.disabled = !isOther(option.value);
    this.more.hidden = !this.others.some((option) => !option.hidden);
    this.find("row-title").textContent = given ? say("panel.another") : say("panel.your_label");
    this.find("thirds").hidden = !this.classes.some(({ name }) => isOther(name));
  }

  showEvidence(packet, thumbs) {
    packet.probs.forEach((share, i) => {
      const { row, fill, share: number } = this.bars[i];
      const { name, colour } = this.classes[i];
      const isReading = name === packet.given.label || name === packet.other.label;
      fill.style.width = `${100 * share}%`;
      fill.style.background = isReading ? colour : "";
      row.classList.toggle("is-reading", isReading);
      number.textContent = `${Math.round(100 * share)} %`;
    });
    const doubts = packet.votes.filter(({ vote }) => vote === "doubts").length;
    this.find("votes-part").hidden = !packet.votes.length;
    this.find("votes-said").textContent = say("panel.votes_said", { doubts, total: packet.votes.length });
    this.votes.forEach((row, i) => {
      const each = packet.votes[i];
      row.hidden = !each;
      row.className = each?.vote ?? "";
      row.children[1].textContent = each?.view ?? "";
      row.children[2].textContent = each ? say(`panel.${each.vote}`) : "";
    });
    this.find("consensus").textContent = packet.consensus;
    this.find("similar-part").hidden = !packet.similar.length;
    this.find("similar-note").textContent = packet.similar.some(({ isSame }) => isSame)
      ? say("panel.similar_same")
      : say("panel.similar_others");
    this.find("similar-said").textContent = packet.similarSaid;
    this.similar = packet.similar;
    this.figures.forEach(({ figure, button, canvas, dot, name }, i) => {
      const each = packet.similar[i];
      figure.hidden = !each;
      figure.classList.toggle("same", Boolean(each?.isSame));
      paintThumb(canvas, thumbs[i]);
      button.setAttribute("aria-label", each ? say("panel.open_similar", { label: each.label }) : "");
      dot.style.background = each?.colour ?? "";
      name.textContent = name.title = each?.label ?? "";
    });
  }

  // What the reader has begun for the sample in sight.
  get draft() {
    return { note: this.note.value, grade: this.grades.value };
  }

  // What of it is saved with a verdict.
  draftFor(kind) {
    return { note: this.note.value.trim(), grade: this.grades.of(kind) };
  }

  // The reader's own label is on its way; what the server answers is shown.
  lock() {
    this.root.classList.add("is-locking");
    this.find("title").textContent = say("panel.locking");
  }

  showProgress({ decided, total }) {
    const bar = this.find("track");
    bar.setAttribute("aria-valuemax", total);
    bar.setAttribute("aria-valuenow", decided);
    this.find("fill").style.width = `${total ? (100 * decided) / total : 0}%`;
    this.counts.decided.textContent = numberText(decided);
    this.counts.total.textContent = numberText(total);
  }

  // Which sample is missing: text instead of labels and evidence.
  blank(title) {
    this.find("panel").classList.add("is-empty");
    this.find("title").textContent = title;
  }

  showSaved(text, isTrouble) {
    const line = this.find("saved");
    if (line.textContent !== text) line.textContent = line.title = text;
    line.classList.toggle("is-trouble", isTrouble);
  }

  showProblem(text) {
    this.find("problem").hidden = !text;
    this.find("problem").textContent = text;
  }
}

function paintThumb(canvas, image) {
  const context = canvas.getContext("2d");
  if (!image) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    return;
  }
  if (canvas.width !== image.naturalWidth) canvas.width = image.naturalWidth;
  if (canvas.height !== image.naturalHeight) canvas.height = image.naturalHeight;
  context.drawImage(image, 0, 0);
}
