// The outbox: readings, verdicts and undos that the server has not answered yet, in their order, kept in the tab's storage.
//
// What is in it is sent until it is answered, one after the other, over a lost connection, a restarted server and a
// reload. The server knows a verdict by its visit, so one that is sent again is not a second one.

const IS_TAKEN = (status, answer) => status === 200 && ("saved" in answer || "undone" in answer);
const IS_REFUSED = (status) => [409, 422].includes(status);

const SUFFIX = ".outbox"; // of a slot of the tab's storage
const outboxes = new Map();

window.addEventListener("beforeunload", (event) => {
  if ([...outboxes.values()].some(({ entries }) => entries.length)) event.preventDefault();
});

// A tab's outbox for a reader of a run: one only, which goes on sending while another page is shown.
function outboxOf(storage) {
  const slot = storage + SUFFIX;
  if (!outboxes.has(slot)) outboxes.set(slot, new Outbox(slot));
  return outboxes.get(slot);
}

// Send what waits in the tab's storage, also for other readers and runs than the one that is shown.
function sendOutboxes() {
  const storages = Object.keys(sessionStorage).filter((slot) => slot.endsWith(SUFFIX));
  for (const slot of storages) outboxOf(slot.slice(0, -SUFFIX.length)).send();
}

class Outbox {
  constructor(slot) {
    this.slot = slot;
    this.server = new Server((ticket) => this.on?.renew(ticket));
    this.on = null; // {answer(entry, status, answer), change(), renew(ticket)}: who shows what becomes of it
    const { entries, base, ticket } = JSON.parse(sessionStorage.getItem(this.slot) ?? "{}");
    this.entries = entries ?? [];
    if (ticket) this.server.set({ base, ticket });
    this.problem = "";
  }

  get ids() {
    return this.entries.filter((entry) => entry.path === "verdict").map((entry) => entry.body.sample_id);
  }

  // Whether the reader's own label of a sample has not been answered yet.
  isLocking(id) {
    return this.entries.some(({ path, body }) => path === "reading" && body.sample_id === id);
  }

  get hasUndo() {
    return this.entries.some((entry) => entry.path === "undo");
  }

  get last() {
    return this.entries.at(-1);
  }

  add(path, body) {
    this.entries.push({ path, body, isTried: false });
    this.store();
    this.send();
  }

  // Take the last verdict out again, if the server cannot have it yet; returns its body.
  takeBack() {
    if (!this.last || this.last.isTried || this.last.path !== "verdict") return null;
    const { body } = this.entries.pop();
    this.store();
    return body;
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    for (let attempt = 0; this.entries.length; attempt++) {
      const [entry] = this.entries;
      entry.isTried = true;
      this.store();
      const { status, answer } = await this.server.ask(entry.path, entry.body);
      if (IS_TAKEN(status, answer) || (IS_REFUSED(status) && this.on && !answer.isReplaced)) {
        attempt = -1;
        this.settle(entry, status, answer);
      } else if (IS_REFUSED(status) && !this.on) {
        break; // it is sent again by the page that can tell of it
      } else {
        this.problem = reasonOf(answer);
        this.on?.change();
        await backOff(attempt);
      }
    }
    this.isSending = false;
  }

  settle(entry, status, answer) {
    this.problem = "";
    this.entries.shift();
    const [next] = this.entries;
    if (next?.path === "undo" && !next.body.shown_key) {
      // It undoes the verdict before it, whose key is known now; one that was refused needs no undo.
      if (status === 200) next.body.shown_key = answer.key;
      else this.entries.shift();
    }
    this.store();
    this.on?.answer(entry, status, answer);
  }

  store() {
    const { entries, server: { base, ticket } } = this;
    sessionStorage.setItem(this.slot, JSON.stringify({ entries, base, ticket }));
    this.on?.change();
  }
}

// Why the server did not do what it was asked, as part of a sentence. Of a study that was updated, the page gets a new
// ticket.
function reasonOf({ isReplaced, message }) {
  return isReplaced ? say("server.updated") : (message || say("server.problem")).replace(/\.$/, "");
}

// How it stands with the last verdict, in words. last: in the ledger; trouble: why no samples come.
function savedText({ entries, problem, hasUndo }, last, trouble) {
  if (entries.length && problem) return say("saved.waiting", { problem, number: entries.length });
  if (hasUndo) return say("saved.undoing");
  if (entries.length) return say("saved.saving");
  if (trouble) return say("saved.no_images", { problem: trouble });
  return last ? say("saved.last", { verdict: last.text }) : say("saved.nothing");
}
