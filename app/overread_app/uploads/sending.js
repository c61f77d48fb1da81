// Sends one archive to the server, piece by piece; after a failure it goes on from what has arrived.

const PIECE_TIMEOUT_MS = 120_000; // of a piece: a slow connection still gets it through
const NUM_TRIES = 12; // in a row, about a minute
const SMALL_PIECE = 1_000_000; // nginx passes on 1 MiB, unless it is told to pass on more
const TOO_LARGE = 413;

class Sending {
  // told: called with {sent, isWaiting} as it goes on.
  constructor(base, archive, told) {
    this.base = new URL(base, location.href).href;
    this.archive = archive;
    this.told = told;
    this.stop = new AbortController();
    this.sent = 0;
  }

  // The id of the upload. Throws a SendingError, after which it may be called again unless that is final.
  async run() {
    if (!this.id) {
      const { id, piece } = await this.ask("begin", JSON.stringify({ size: this.archive.size }));
      Object.assign(this, { id, piece });
    }
    while (this.sent < this.archive.size) {
      const content = await this.read();
      const { received } = await this.ask(`${this.id}/piece?start=${this.sent}`, content);
      if (received === undefined) this.piece = SMALL_PIECE;
      else this.sent = received;
      this.told({ sent: this.sent, isWaiting: false });
    }
    return (await this.ask(`${this.id}/finish`, "")).id;
  }

  async read() {
    try {
      return await this.archive.slice(this.sent, this.sent + this.piece).arrayBuffer();
    } catch {
      throw new SendingError("A file cannot be read any more: it was changed or moved. Choose it again.", true);
    }
  }

  async ask(path, body) {
    for (let attempt = 0; ; attempt++) {
      const { status, answer } = await this.tryOnce(path, body);
      if (status === 200) return answer;
      if (status === TOO_LARGE && this.piece > SMALL_PIECE) return {};
      if (this.stop.signal.aborted) throw new SendingError("", true);
      const isPassing = status === 0 || status === 502 || status === 503 || status === 504;
      if (!isPassing || attempt >= NUM_TRIES) throw new SendingError(answer.message, answer.isFinal ?? status === 404);
      this.told({ sent: this.sent, isWaiting: true });
      await backOff(attempt);
    }
  }

  // Status 0: there is no connection.
  async tryOnce(path, body) {
    try {
      const response = await fetch(`${this.base}/${path}`, {
        method: "POST",
        headers: { "Content-Type": "application/octet-stream" },
        body,
        redirect: "error", // to a page to sign in, say
        signal: AbortSignal.any([this.stop.signal, AbortSignal.timeout(PIECE_TIMEOUT_MS)]),
      });
      if (response.headers.get("Content-Type")?.startsWith("application/json")) {
        return { status: response.status, answer: await response.json() };
      }
      return { status: response.status, answer: { message: `The server answered with status ${response.status}.` } };
    } catch {
      return { status: 0, answer: { message: "There is no connection to the server." } };
    }
  }

  cancel() {
    this.stop.abort();
    if (!this.id) return;
    const headers = { "Content-Type": "application/octet-stream" };
    fetch(`${this.base}/${this.id}/remove`, { method: "POST", headers, body: "", keepalive: true }).catch(() => {});
  }
}

class SendingError extends Error {
  constructor(message, isFinal) {
    super(message);
    this.isFinal = isFinal;
  }
}
