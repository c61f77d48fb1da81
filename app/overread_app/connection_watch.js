// Before Streamlit's own code: says what is wrong where the page gets no connection, instead of waiting for ever.
(() => {
  const { signInPath, statePath, blocked } = document.documentElement.dataset;
  const Own = window.WebSocket;
  let isConnected = false;
  let numRefused = 0;
  let shown = null;
  window.WebSocket = class extends Own {
    constructor(...options) {
      super(...options);
      this.addEventListener("open", () => {
        isConnected = true;
        numRefused = 0;
        shown?.remove();
        shown = null;
      });
      this.addEventListener("close", () => {
        numRefused += 1;
        explain();
      });
    }
  };
  // The session has ended; or, if no connection was ever made although the server answers, something between them
  // does not pass websockets on.
  async function explain() {
    const state = await fetch(statePath, { cache: "no-store" }).catch(() => null);
    if (state?.status === 401) location.assign(signInPath);
    else if (state?.status === 204 && !isConnected && numRefused > 1 && !shown) {
      shown = document.createElement("p");
      shown.setAttribute("role", "alert");
      shown.textContent = blocked;
      shown.style.cssText =
        "position:fixed;inset:3.5rem 0 auto;z-index:1000000;width:fit-content;max-width:40rem;margin:0 auto;" +
        "padding:.75rem 1.25rem;font:15px/1.5 sans-serif;color:#fff;background:#8A4B08;border-radius:.4rem";
      document.body.append(shown);
    }
  }
})();
