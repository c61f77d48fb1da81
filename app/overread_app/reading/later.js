// The samples that a reader has put off: their ids, in the browser's storage, which all of its tabs share. They are no
// verdicts, so the ledger does not hold them; each question for samples names them to the server.

const MAX_LATER = 1000;

class Later {
  constructor(storage) {
    this.slot = `${storage}.later`;
  }

  get ids() {
    return JSON.parse(localStorage.getItem(this.slot) ?? "[]");
  }

  // To the end. Returns what to say about it.
  add(id) {
    if (this.ids.length >= MAX_LATER) return say("saved.later_full", { number: MAX_LATER });
    this.store([...this.ids.filter((each) => each !== id), id]);
    return say("saved.later");
  }

  remove(id) {
    if (this.ids.includes(id)) this.store(this.ids.filter((each) => each !== id));
  }

  store(ids) {
    localStorage.setItem(this.slot, JSON.stringify(ids));
  }
}
