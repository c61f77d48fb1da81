// Blind first: the reader's own label of an image that stands alone is locked, and the server's answer reveals the rest.

class Blind {
  // reading: whose samples these are.
  constructor(reading) {
    this.reading = reading;
    this.fresh = ""; // the id of the sample that was revealed last, until the reader does anything
  }

  // Lock what the reader says of the sample in sight: a class, or why there is none.
  lock(kind, label) {
    const { reading } = this;
    const { outbox, current: { packet } } = reading;
    if (outbox.isLocking(packet.id)) return;
    const isLabel = kind === "relabel";
    outbox.add("reading", {
      sample_id: packet.id,
      visit: reading.visit,
      image: packet.image,
      label: isLabel ? label : "",
      finding: isLabel ? null : kind,
      elapsed_ms: Math.round(performance.now() - reading.paintedAt),
    });
    reading.visit = null;
    reading.said = "";
    reading.later.remove(packet.id);
    this.mark(reading.current);
    reading.showStatus();
  }

  // Say of a sample in sight that its reading is on its way, if it is: also after a reload.
  mark({ packet }) {
    const { outbox, panel } = this.reading;
    if (packet.isBlind && outbox.isLocking(packet.id)) panel.lock();
  }

  // Show all of a sample whose reading is locked, if it is still in sight; else it comes in its turn.
  reveal(packet) {
    const { reading } = this;
    const { here, supply } = reading;
    if (here?.packet.id === packet.id) {
      if (here === reading.current) Object.assign(packet, reading.panel.draft);
      reading.visit = null;
      reading.said = say("saved.locked");
      this.fresh = packet.id;
      reading.bring(packet);
    } else {
      supply.next = supply.next.map((each) => (each.id === packet.id ? packet : each));
    }
  }

  // Whether an undo would be taken for that of a reading; the reader is told, and may press again.
  keepsReading() {
    const { reading } = this;
    const isLocking = reading.outbox.last?.path === "reading";
    if (!isLocking && (!this.fresh || reading.current?.packet.id !== this.fresh)) return false;
    this.fresh = "";
    reading.said = say(reading.last && !isLocking ? "saved.stays_locked" : "saved.not_undone");
    reading.showStatus();
    return true;
  }
}
