// The server's routes of reading: JSON there and back, with the reader's ticket.

const TIMEOUT_MS = 20_000;
const BACKOFF_MS = [300, 600, 1200, 2400, 5000];
const RENEWAL_MS = 2000; // a new ticket comes within that time, or is asked for again

class Server {
  // renew: called, if given, with a ticket that is void, since what it was issued for was replaced.
  constructor(renew) {
    this.renew = renew;
    this.renewedAt = -Infinity;
  }

  set({ base, ticket }) {
    this.base = new URL(base, location.href).href; // also for the worker, which has no address of its own
    this.ticket = ticket;
  }

  // {status, answer}; status 0: there is no connection.
  async ask(path, body) {
    try {
      const response = await fetch(`${this.base}/${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${this.ticket}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
        redirect: "error", // to a page to log in, say
        keepalive: true, // what is on its way when the tab is closed arrives
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      // What is no JSON is not this server's answer, or not all of it: nothing is known.
      const answer = await response.json();
      if (answer.isReplaced) this.askForTicket();
      return { status: response.status, answer };
    } catch {
      return { status: 0, answer: { message: say("server.no_connection") } };
    }
  }

  askForTicket() {
    if (performance.now() - this.renewedAt < RENEWAL_MS) return;
    this.renewedAt = performance.now();
    this.renew?.(this.ticket);
  }
}

// Resolves after a while that grows with the number of attempts; at once when the connection is back.
function backOff(attempt) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)]);
    window.addEventListener("online", end);
  });
}
