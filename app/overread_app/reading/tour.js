// A tour of the page in a few steps, on a card beside the image. It opens once in a browser, where it is offered, and
// again whenever Help asks for it. While it is open no key gives a verdict.

const TOUR_SEEN = "overread.tour"; // in the browser's storage
const TOUR_ASKED = "overread.tour.asked"; // in the tab's: the number of the last wish to see it

class Tour {
  constructor(root) {
    this.root = root;
    this.card = root.querySelector(".tour");
    const find = (name) => this.card.querySelector(`.tour-${name}`);
    this.parts = { count: find("count"), title: find("title"), text: find("text") };
    this.buttons = { skip: find("skip"), back: find("back"), next: find("next") };
    this.buttons.skip.onclick = () => this.close();
    this.buttons.back.onclick = () => this.go(this.step - 1);
    this.buttons.next.onclick = () => this.go(this.step + 1);
    this.isWanted = false;
  }

  get isOpen() {
    return !this.card.hidden;
  }

  // data: {steps: [{name, target, is_above}], asked, isOffered}; null: no tour here.
  take(data) {
    this.data = data;
    if (!data) return;
    const isAsked = data.asked !== 0 && sessionStorage.getItem(TOUR_ASKED) !== String(data.asked);
    this.isWanted = isAsked || (data.isOffered && localStorage.getItem(TOUR_SEEN) === null);
  }

  // Open it, if it is wanted, now that there is something to see.
  start() {
    if (!this.isWanted || this.isOpen) return;
    this.isWanted = false;
    sessionStorage.setItem(TOUR_ASKED, this.data.asked);
    this.before = this.root.getRootNode().activeElement;
    this.card.hidden = false;
    this.go(0);
  }

  go(step) {
    const { steps } = this.data;
    if (step >= steps.length) {
      this.close();
      return;
    }
    this.step = step;
    const { name, target, is_above: isAbove } = steps[step];
    const isLast = step === steps.length - 1;
    this.parts.count.textContent = say("tour.count", { number: step + 1, total: steps.length });
    this.parts.title.textContent = say(`tour.${name}`);
    this.parts.text.textContent = say(`tour.${name}_text`);
    this.buttons.skip.hidden = isLast;
    this.buttons.back.hidden = step === 0;
    this.buttons.next.textContent = say(isLast ? "tour.done" : "tour.next");
    this.card.classList.toggle("is-above", isAbove);
    this.mark(target);
    this.buttons.next.focus();
  }

  mark(target) {
    this.root.querySelector(".is-toured")?.classList.remove("is-toured");
    if (target) this.root.querySelector(`.${target}`).classList.add("is-toured");
  }

  // Skipped or done: it does not open again by itself.
  close() {
    if (!this.isOpen) return;
    localStorage.setItem(TOUR_SEEN, "seen");
    this.isWanted = false;
    this.card.hidden = true;
    this.mark("");
    if (this.before?.isConnected) this.before.focus();
  }

  // What a key does while the tour is open: Escape skips it, letters and digits do nothing, and Tab, Enter and Space
  // are the browser's.
  action(key) {
    if (key === "Escape") return { run: () => this.close() };
    return key.length === 1 && key !== " " ? { run() {} } : null;
  }
}
