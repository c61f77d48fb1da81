// Reading: one component that shows a sample, takes the verdict and goes on, while the server hears of it.
//
// Labels, evidence and image change in one step of this code, hence in one frame. What must not be lost goes through
// the outbox; what may be asked for again (samples, progress) does not.

const NUM_AHEAD = 3;
const PATIENCE_MS = 250; // the last sample stays in sight for so long while the next one is on its way
const RESTING_MS = 1000;
const MESSAGE_MS = 3000; // a message can be read before the next verdict takes it away
const readings = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!readings.has(parentElement)) readings.set(parentElement, new Reading(parentElement, data));
  reading = readings.get(parentElement);
  reading.take(data, setTriggerValue);
  return () => {
    readings.get(parentElement).close();
    readings.delete(parentElement);
  };
}

class Reading {
  constructor(parent, { storage }) {
    this.root = parent.querySelector(".reading");
    this.viewer = new Viewer(this.root.querySelector(".viewer"), (id) => this.store.decode(id));
    this.panel = new Panel(this.root, {
      verdict: (kind, label) => this.decide(kind, label),
      similar: (each) => this.viewer.openBeside(each),
    });
    this.sheet = new Sheet(this.root);
    this.undoButton = this.root.querySelector(".undo");
    this.undoButton.onclick = (event) => event.detail <= 1 && this.undo();
    this.curtain = new Curtain();
    this.outbox = outboxOf(storage);
    this.outbox.on = { answer: (...answer) => this.hear(...answer), change: () => this.showStatus() };
    this.server = this.outbox.server;
    this.store = new SampleStore(this.server, () => this.viewer.surface.box);
    this.place = `${storage}.place`; // in the tab's storage: the id of the sample in sight
    this.next = []; // packets of the samples after that
    this.current = null; // the sample in sight
    this.coming = null; // the sample that takes its place once it is ready
    this.visit = null; // new for each showing; null: there is nothing to decide
    this.paintedAt = Infinity;
    this.last = null;
    this.trouble = "";
    this.numAnswers = 0;
    this.warn = (event) => this.outbox.entries.length && event.preventDefault();
    window.addEventListener("beforeunload", this.warn);
  }

  take(data, trigger) {
    this.trigger = trigger;
    if (data.ticket === this.ticket) return; // nothing else changes without it
    this.ticket = data.ticket;
    this.server.set(data);
    this.first ??= sessionStorage.getItem(this.place) ?? data.first;
    this.panel.take(data);
    if (this.current) this.panel.show(this.current);
    this.table = [
      ...this.panel.keys((kind, label) => this.decide(kind, label)),
      { keys: ["u"], shown: "U", text: "Undo the last verdict", run: () => this.undo() },
      ...this.viewer.keys,
      { keys: ["?"], shown: "?", text: "This list", run: () => this.sheet.toggle() },
    ];
    this.sheet.write(this.table);
    this.outbox.send();
    this.refresh();
  }

  // What a key does, from the key table; nothing else may happen while the list of keys is open.
  action(key, target) {
    if (this.sheet.isOpen && key !== "?") return key.length === 1 ? { run() {} } : null;
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
    if (!this.visit || this.isTooEarly()) return;
    const { packet } = this.current;
    this.outbox.add("verdict", {
      sample_id: packet.id,
      visit: this.visit,
      kind,
      chosen_label: label,
      note: this.panel.note.value.trim(),
      elapsed_ms: Math.round(performance.now() - this.paintedAt),
      follows: packet.follows,
    });
    if (performance.now() - this.problemAt > MESSAGE_MS) this.panel.showProblem("");
    this.advance();
    this.fill();
  }

  // Take the last verdict back: out of the outbox, or by asking the server, which may have it.
  undo() {
    if (this.isTooEarly()) return;
    const unsent = this.outbox.takeBack();
    const waiting = this.outbox.last;
    if (unsent) this.goBack(unsent.sample_id, unsent.note);
    else if (waiting || this.last) {
      this.outbox.add("undo", { shown_key: waiting ? "" : this.last.key, key: crypto.randomUUID() });
    }
  }

  // Show a sample again that was decided, with its note; what is in sight now comes after it.
  goBack(id, note) {
    const packet = this.store.packet(id);
    this.stepAside();
    if (packet) this.bring({ ...packet, note });
    else this.refresh(id);
  }

  stepAside() {
    if (this.current) this.current.packet.note = this.panel.note.value;
    if (this.here) this.next.unshift(this.here.packet);
    this.current = this.coming = this.visit = null;
  }

  advance() {
    this.current = this.coming = this.visit = null;
    this.paintedAt = Infinity;
    clearTimeout(this.resting);
    const packet = this.next.shift();
    if (packet) this.bring(packet);
    else this.patience = setTimeout(() => this.blank(), PATIENCE_MS);
  }

  bring(packet) {
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
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 }); // both labels and the image in sight
    this.panel.find("evidence").scrollTo({ top: 0 });
    this.current = sample;
    this.coming = null;
    this.visit = crypto.randomUUID();
    if (sample.image) this.viewer.show(sample.image);
    else this.viewer.blank(`${sample.message} If you cannot judge without it, choose “Cannot judge”.`);
    this.panel.show(sample);
    this.root.classList.remove("is-ended");
    this.curtain.showOnly(id);
    this.paintedAt = performance.now();
    Object.assign(this.root.dataset, { painted: this.visit, sample: id, paintedAt: this.paintedAt });
    sessionStorage.setItem(this.place, id);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.trigger("resting", id), RESTING_MS);
  }

  // Nothing is left of the last sample, and the next one is not here yet.
  blank() {
    this.viewer.blank("Loading the next image");
    this.panel.blank("Loading the next image");
    this.curtain.showOnly("");
    this.paintedAt = performance.now();
    delete this.root.dataset.sample;
  }

  end() {
    clearTimeout(this.patience);
    this.blank();
    this.root.classList.add("is-ended");
    this.curtain.showOnly("end");
    sessionStorage.removeItem(this.place);
    this.trigger("resting", "end");
  }

  // Ask for all samples anew: others were decided elsewhere, or others are to be shown.
  refresh(first) {
    this.first = first ?? this.first;
    this.isStale = true;
    this.isExhausted = false;
    this.fill();
  }

  // Ask for samples until there are enough ahead, or no more.
  async fill() {
    if (this.isFilling) return;
    this.isFilling = true;
    let attempt = 0;
    while (!this.isClosed && (this.isStale || (!this.isExhausted && this.next.length < NUM_AHEAD))) {
      const { here, isStale, numAnswers } = this;
      this.isStale = false;
      const known = isStale ? [] : [...(here ? [here.packet.id] : []), ...this.next.map(({ id }) => id)];
      const { status, answer } = await this.server.ask("queue", {
        have: [...this.outbox.ids, ...known],
        count: isStale ? NUM_AHEAD + 1 : NUM_AHEAD - this.next.length,
        first: isStale ? (here?.packet.id ?? this.first ?? null) : null,
      });
      if (this.isClosed) return;
      this.trouble = status === 200 ? "" : (answer.message || "the server has a problem").replace(/\.$/, "");
      if (status !== 200) {
        this.isStale ||= isStale;
        this.showStatus();
        await backOff(attempt++);
      } else if (isStale && this.here !== here) {
        this.isStale = true; // the reader has gone on meanwhile
      } else {
        attempt = 0;
        // A verdict that was answered since is not in this answer.
        if (numAnswers === this.numAnswers) this.count(answer);
        this.accept(answer.samples, isStale);
      }
    }
    this.isFilling = false;
    if (!this.here && !this.next.length) this.endOrWait();
  }

  accept(samples, isStale) {
    const { here } = this;
    const unsent = this.outbox.ids;
    const packets = samples.filter(({ id }) => !unsent.includes(id));
    if (isStale) {
      const isStill = here && packets[0]?.id === here.packet.id;
      this.next = isStill ? packets.slice(1) : packets;
      this.isExhausted = packets.length <= NUM_AHEAD;
      if (!isStill && packets.length) this.advance();
      else if (!isStill) this.current = this.coming = this.visit = null;
      this.first = null;
    } else {
      this.isExhausted = packets.length === 0;
      this.next.push(...packets.filter(({ id }) => !this.next.some((other) => other.id === id)));
      if (!this.here && this.next.length) this.advance();
    }
    if (this.here) this.store.get(this.here.packet);
    for (const packet of this.next.slice(0, NUM_AHEAD)) this.store.get(packet);
  }

  // All is decided; whether it is saved too is known when the outbox is empty.
  endOrWait() {
    if (this.outbox.entries.length || this.isStale) return;
    if (!this.root.classList.contains("is-ended")) this.end();
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
    } else {
      const isVerdict = entry.path === "verdict";
      this.panel.showProblem(status === 422 && isVerdict ? `Not saved: ${answer.message}` : answer.message);
      this.problemAt = performance.now();
      if (status === 422 && isVerdict) this.goBack(entry.body.sample_id, entry.body.note);
      else this.refresh();
    }
    this.showStatus();
    if (!this.here && !this.isFilling && !this.outbox.entries.length) this.refresh();
  }

  count({ last, progress }) {
    this.last = last;
    this.panel.showProgress(progress);
    this.showStatus();
  }

  showStatus() {
    const { entries, problem, hasUndo } = this.outbox;
    this.panel.showSaved(savedText(this.outbox, this.last, this.trouble), Boolean(problem || this.trouble));
    this.undoButton.disabled = hasUndo || !(this.last || entries.length);
    this.root.dataset.unsaved = entries.length;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.resting);
    clearTimeout(this.patience);
    window.removeEventListener("beforeunload", this.warn);
    this.outbox.on = null; // it goes on sending
    this.store.close();
    this.viewer.close();
    this.curtain.close();
    if (reading === this) reading = null;
  }
}
