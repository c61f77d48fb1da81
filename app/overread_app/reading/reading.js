// Reading: one component that shows a sample, takes the verdict and goes on, while the server hears of it.
//
// Labels, evidence and image change in one step of this code, hence in one frame. What must not be lost goes through
// the outbox; what may be asked for again (samples, progress) does not.

const PATIENCE_MS = 250; // the last sample stays in sight for so long while the next one is on its way
const RESTING_MS = 1000;
const MESSAGE_MS = 3000; // a message can be read before the next verdict takes it away
const readings = new WeakMap();

export default function ({ data, parentElement, setTriggerValue, setStateValue }) {
  if (!parentElement.isConnected) return; // the page has gone on meanwhile
  if (readings.get(parentElement)?.storage !== data.storage) {
    readings.get(parentElement)?.close();
    readings.set(parentElement, new Reading(parentElement, data));
  }
  reading = readings.get(parentElement);
  reading.take(data, setTriggerValue, setStateValue);
  return () => {
    // Streamlit also calls this for data that newer data have overtaken, while the component is still there.
    if (parentElement.isConnected) return;
    readings.get(parentElement)?.close();
    readings.delete(parentElement);
  };
}

class Reading {
  constructor(parent, data) {
    const { storage } = data;
    this.storage = storage;
    this.root = parent.querySelector(".reading");
    learn(data);
    writeTexts(this.root);
    this.viewer = new Viewer(this.root.querySelector(".viewer"), (packet) => this.store.decode(packet));
    this.panel = new Panel(this.root, {
      verdict: (kind, label) => this.decide(kind, label),
      similar: (each) => this.viewer.openBeside(each),
    });
    this.stage = new Stage(this.root, this.viewer, this.panel);
    this.sheet = new Sheet(this.root);
    this.tour = new Tour(this.root);
    this.drawer = new Drawer(this.root, {
      ask: (body) => this.server.ask("decided", body),
      open: (id) => this.open(id),
    });
    this.undoButton = this.root.querySelector(".undo");
    this.undoButton.onclick = (event) => event.detail <= 1 && this.undo();
    this.root.querySelector(".later").onclick = (event) => event.detail <= 1 && this.putOff();
    this.later = new Later(storage);
    this.outbox = outboxOf(storage);
    const renew = (ticket) => this.trigger("replaced", ticket); // the page is drawn again, with a new one
    this.listener = { answer: (...answer) => this.hear(...answer), change: () => this.showStatus(), renew };
    this.outbox.on = this.listener;
    this.server = this.outbox.server;
    this.store = new SampleStore(this.server, () => this.viewer.surface.box);
    this.blind = new Blind(this);
    this.place = `${storage}.place`; // in the tab's storage: the id of the sample in sight
    this.supply = new Supply(this, sessionStorage.getItem(this.place));
    this.jump = `${storage}.jump`; // and the number of the last wish to go to a sample
    this.isBack = left?.storage === storage; // the page was drawn anew, and shows no image yet
    if (this.isBack) this.supply.begun = left.draft;
    this.said = ""; // about what the reader has just done, where that is no verdict
    this.current = null; // the sample in sight
    this.coming = null; // the sample that takes its place once it is ready
    this.visit = null; // new for each showing; null: there is nothing to decide
    this.paintedAt = Infinity;
    this.last = null;
    this.numAnswers = 0;
  }

  take(data, trigger, keep) {
    this.trigger = trigger;
    // Not a trigger, which is lost where the page is just being drawn for something else; another one each time.
    this.rest = (id) => keep("resting", { id, rest: crypto.randomUUID() });
    this.tour.take(data.tour);
    if (data.ticket !== this.ticket || data.grades.length !== this.panel.grades.number) this.begin(data); // else all stays
    const { sample_id: id, number } = data.jump ?? {};
    if (!id || sessionStorage.getItem(this.jump) === String(number)) return;
    sessionStorage.setItem(this.jump, number);
    this.open(id);
  }

  begin(data) {
    this.ticket = data.ticket;
    this.server.set(data);
    this.panel.take(data);
    if (this.current) {
      Object.assign(this.current.packet, this.panel.draft); // perhaps half typed
      this.panel.show(this.current);
      this.blind.mark(this.current);
    }
    this.table = keyTable(this);
    this.sheet.write(this.table);
    if (this.isBack && left.isMissing) this.refuse();
    left = null;
    sendOutboxes();
    this.supply.refresh();
  }

  // What a key does, from the key table; nothing else may happen while a dialog is open.
  action(key, target) {
    if (this.drawer.isOpen) return key.length === 1 && key !== " " ? { run() {} } : null;
    if (this.sheet.isOpen && key !== "?") return key.length === 1 && key !== " " ? { run() {} } : null;
    if (this.tour.isOpen && !this.sheet.isOpen) return this.tour.action(key);
    if (target === this.viewer.surface.canvas && this.viewer.focusedKeys[key]) {
      return { run: this.viewer.focusedKeys[key], repeats: true };
    }
    return this.table?.find(({ keys, applies }) => keys.includes(key) && (applies?.() ?? true));
  }

  has(node) {
    return this.root.contains(node);
  }

  get here() {
    return this.coming ?? this.current;
  }

  isTooEarly() {
    return performance.now() - this.paintedAt < DWELL_MS || this.outbox.hasUndo;
  }

  decide(kind, label) {
    if (!this.visit || this.isTooEarly()) {
      if (this.isBack) this.refuse();
      return;
    }
    const { packet } = this.current;
    if (packet.isBlind) {
      this.blind.lock(kind, label);
      return;
    }
    this.outbox.add("verdict", {
      sample_id: packet.id,
      given: packet.given.label,
      other: packet.other.label,
      image: packet.image,
      visit: this.visit,
      kind,
      chosen_label: label,
      ...this.panel.draftFor(kind),
      elapsed_ms: Math.round(performance.now() - this.paintedAt),
      follows: packet.follows,
    });
    this.later.remove(packet.id);
    this.said = "";
    if (performance.now() - this.problemAt > MESSAGE_MS) this.panel.showProblem("");
    this.advance();
    this.supply.fill();
  }

  // Say that a key was not taken, since the page was being drawn anew.
  refuse() {
    this.panel.showProblem(say("panel.missed"));
    this.problemAt = performance.now();
  }

  // Go on without a verdict: the sample comes again at the end. A decided one keeps the verdict that it has.
  putOff() {
    if (!this.here || this.isTooEarly()) return; // an image that does not come can be put off, too
    const { id, follows } = this.here.packet;
    const said = this.later.add(id);
    this.said = follows ? "" : said;
    this.supply.isExhausted = false;
    this.showStatus();
    this.advance();
    this.supply.fill();
  }

  // Take the last verdict back: out of the outbox, or by asking the server, which may have it.
  undo() {
    if (this.isTooEarly() || this.blind.keepsReading()) return;
    const unsent = this.outbox.takeBack();
    const waiting = this.outbox.last;
    if (unsent) this.goBack(unsent);
    else if (waiting || this.last) {
      this.outbox.add("undo", { shown_key: waiting ? "" : this.last.key, key: crypto.randomUUID() });
    }
  }

  // Show a sample again that was decided, with its note and grade; what is in sight now comes after it.
  goBack({ sample_id: id, note = "", grade = "" }) {
    const packet = this.store.packet(id);
    if (!packet) {
      this.open(id);
      return;
    }
    this.stepAside();
    this.bring({ ...packet, note, grade });
  }

  // Show a sample whatever stands of it, decided or not; what is in sight now comes after it. begun: its draft.
  open(id, begun = {}) {
    this.said = "";
    this.supply.begun = begun;
    this.supply.aside = this.here && this.here.packet.id !== id ? this.here.packet : null;
    this.stepAside();
    this.supply.refresh(id);
  }

  stepAside() {
    if (this.current) Object.assign(this.current.packet, this.panel.draft);
    if (this.here) this.supply.next.unshift(this.here.packet);
    this.leave();
  }

  leave() {
    this.current = this.coming = this.visit = null;
  }

  advance() {
    this.leave();
    this.paintedAt = Infinity;
    clearTimeout(this.resting);
    const packet = this.supply.shift();
    if (packet) this.bring(packet);
    else this.patience = setTimeout(() => this.blank(), PATIENCE_MS);
  }

  bring(packet) {
    this.supply.next = this.supply.next.filter(({ id }) => id !== packet.id);
    const sample = (this.coming = this.store.get(packet));
    clearTimeout(this.patience);
    if (sample.isReady) {
      this.present(sample);
      return;
    }
    this.patience = setTimeout(() => this.blank(), PATIENCE_MS);
    sample.ready.then(() => this.coming === sample && this.present(sample));
  }

  present(sample) {
    clearTimeout(this.patience);
    const { id } = sample.packet;
    this.current = sample;
    this.coming = null;
    this.visit = crypto.randomUUID();
    this.paintedAt = this.stage.show(sample, this.visit);
    setTimeout(() => (this.isBack = false), DWELL_MS);
    this.tour.start();
    this.blind.mark(sample);
    sessionStorage.setItem(this.place, id);
    clearTimeout(this.resting);
    if (!sample.packet.isBlind) this.resting = setTimeout(() => this.rest(id), RESTING_MS);
  }

  blank() {
    this.stage.blank();
    this.paintedAt = performance.now();
  }

  end() {
    clearTimeout(this.patience);
    this.tour.close();
    this.stage.end();
    sessionStorage.removeItem(this.place);
    this.rest("end");
  }

  // All is decided; whether it is saved too is known when the outbox is empty.
  endOrWait() {
    if (this.outbox.entries.length || this.supply.isStale) return;
    if (!this.stage.isEnded) this.end();
    this.showStatus();
  }

  // The server's answer to what was in the outbox.
  hear(entry, status, answer) {
    this.numAnswers++;
    if (status === 200) {
      this.count(answer);
      if (entry.path === "undo" && answer.undone) {
        this.stepAside();
        this.bring(answer.undone);
      }
      if (entry.path === "reading") this.blind.reveal(answer.revealed);
    } else {
      const isVerdict = entry.path !== "undo";
      this.panel.showProblem(status === 422 && isVerdict ? say("saved.refused", { problem: answer.message }) : answer.message);
      this.problemAt = performance.now();
      if (status === 422 && isVerdict) this.goBack(entry.body);
      else if (answer.isChanged) this.open(entry.body.sample_id, entry.body);
      else this.supply.refresh();
    }
    this.showStatus();
    if (!this.here && !this.supply.isFilling && !this.outbox.entries.length) this.supply.refresh();
  }

  count({ last, progress }) {
    this.last = last;
    this.panel.showProgress(progress);
    this.showStatus();
  }

  showStatus() {
    const { entries, problem, hasUndo } = this.outbox;
    const isTrouble = Boolean(problem || this.supply.trouble);
    this.panel.showSaved((!isTrouble && this.said) || savedText(this.outbox, this.last, this.supply.trouble), isTrouble);
    this.undoButton.disabled = hasUndo || !(this.last || entries.length);
    this.root.dataset.unsaved = entries.length;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.resting);
    clearTimeout(this.patience);
    if (this.outbox.on === this.listener) this.outbox.on = null; // it goes on sending
    this.store.close();
    this.stage.close();
    if (reading !== this) return;
    reading = null;
    const { storage, table, current } = this;
    left = { storage, table, path: location.pathname, draft: current ? { id: current.packet.id, ...this.panel.draft } : {} };
  }
}
