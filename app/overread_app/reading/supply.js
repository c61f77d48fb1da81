// The samples that come after the one in sight: asked of the server in time, and all anew when others are to be shown.

const NUM_AHEAD = 3;

class Supply {
  // reading: whose samples these are. first: the id of a sample to begin with, unless it is decided; or null.
  constructor(reading, first) {
    this.reading = reading;
    this.next = []; // packets
    this.first = first;
    this.opened = null; // the id of a sample to begin with, whatever stands of it
    this.begun = {}; // its draft
    this.aside = null; // the packet of the sample that was in sight when another one was opened: it comes after that
    this.trouble = ""; // why no samples come
    this.isOutdated = false; // others are on their way, so the reader waits for them
  }

  // Ask for all samples anew. opened: the sample to begin with; else the one in sight stays.
  refresh(opened) {
    this.opened = opened ?? this.opened;
    this.isStale = this.isOutdated = true;
    this.isExhausted = false;
    this.fill();
  }

  // The packet of the sample that comes now; null: it is on its way.
  shift() {
    return this.isOutdated ? null : this.next.shift();
  }

  // Ask for samples until there are enough ahead, or no more.
  async fill() {
    if (this.isFilling) return;
    this.isFilling = true;
    const { reading } = this;
    let attempt = 0;
    while (!reading.isClosed && (this.isStale || (!this.isExhausted && this.next.length < NUM_AHEAD))) {
      const { isStale, opened } = this;
      const { here, numAnswers } = reading;
      this.isStale = false;
      const { status, answer } = await reading.server.ask("queue", this.question(isStale));
      if (reading.isClosed) return;
      this.trouble = status === 200 ? "" : reasonOf(answer);
      if (status !== 200) {
        this.isStale ||= isStale;
        reading.showStatus();
        await backOff(attempt++);
      } else if (isStale && (reading.here !== here || this.opened !== opened)) {
        this.isStale = true; // the reader has gone on meanwhile
      } else if (isStale || !this.isStale) {
        attempt = 0;
        // A verdict that was answered since is not in this answer.
        if (numAnswers === reading.numAnswers) reading.count(answer);
        this.accept(answer.samples, isStale);
      }
    }
    this.isFilling = false;
    if (!reading.here && !this.next.length) reading.endOrWait();
  }

  question(isStale) {
    const { here, outbox, later } = this.reading;
    const known = isStale ? [] : [...(here ? [here.packet] : []), ...this.next].map(({ id }) => id);
    return {
      have: [...outbox.ids, ...known],
      count: isStale ? NUM_AHEAD + 1 : NUM_AHEAD - this.next.length,
      first: isStale ? (this.opened ?? here?.packet.id ?? this.first) : null,
      follows: this.opened ? null : (here?.packet.follows ?? ""),
      later: later.ids,
    };
  }

  accept(samples, isStale) {
    const { reading } = this;
    const { here, store } = reading;
    const unsent = reading.outbox.ids;
    const packets = samples.filter(({ id }) => !unsent.includes(id));
    if (isStale) {
      this.isOutdated = this.isStale;
      for (const before of this.next) {
        const again = packets.find(({ id }) => id === before.id);
        if (again) keepDraft(again, before); // it was begun before another sample was opened
      }
      this.isExhausted = packets.length <= NUM_AHEAD;
      if (this.aside && packets[0]?.id === this.opened) {
        const { aside } = this;
        packets.splice(1, NUM_AHEAD, aside, ...packets.slice(1).filter(({ id }) => id !== aside.id));
      }
      const [first] = packets;
      const isSame = here && first?.id === here.packet.id;
      if (first && [this.opened, this.begun.id].includes(first.id)) keepDraft(first, this.begun);
      else if (isSame && here === reading.current) keepDraft(first, reading.panel.draft);
      const isStill = isSame && isAsShown(first, here.packet); // else it is shown anew
      this.next = isStill ? packets.slice(1) : packets;
      this.first = this.opened = this.aside = null;
      this.begun = {};
      if (!isStill && packets.length) reading.advance();
      else if (!isStill) reading.leave();
    } else {
      this.isExhausted = packets.length === 0;
      const known = [reading.here?.packet, ...this.next].map((packet) => packet?.id);
      this.next.push(...packets.filter(({ id }) => !known.includes(id)));
      if (!reading.here && this.next.length) reading.advance();
    }
    if (reading.here) store.get(reading.here.packet);
    for (const packet of this.next.slice(0, NUM_AHEAD)) store.get(packet);
  }
}

// Go on with a note and a grade that were begun.
function keepDraft(packet, { note, grade }) {
  packet.note ||= note ?? "";
  packet.grade ||= grade ?? "";
}

// Whether the labels and the image of a sample are those that are in sight.
function isAsShown(now, shown) {
  return ["id", "image"].every((name) => now[name] === shown[name]) &&
    ["given", "other"].every((name) => now[name]?.label === shown[name]?.label); // none of a sample to be read blind
}
