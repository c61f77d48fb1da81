// An owner chooses an archive, a folder or files, and sees how far they are sent. Their names stay in the browser,
// but for those of the files in an archive.

const ARCHIVE = /\.(zip|tar|tgz|tbz2|txz|tar\.(gz|bz2|xz))$/i;
const OTHER_ARCHIVE = /\.(rar|7z|zst)$/i;
const uploaders = new Map(); // by the element that Streamlit gives for a component

export default function ({ data, parentElement, setTriggerValue }) {
  if (!uploaders.has(parentElement)) uploaders.set(parentElement, new Uploader(parentElement));
  uploaders.get(parentElement).take(data, setTriggerValue);
  return () => {
    uploaders.get(parentElement).close();
    uploaders.delete(parentElement);
  };
}

class Uploader {
  constructor(parent) {
    this.root = parent.querySelector(".upload");
    this.find = (name) => this.root.querySelector(`.${name}`);
    for (const name of ["files", "folder"]) {
      this.find(name).onchange = ({ target }) => {
        this.choose([...target.files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
        target.value = ""; // so that the same one can be chosen again
      };
    }
    this.find("cancel").onclick = () => this.cancel();
    this.find("again").onclick = () => this.send();
    this.root.ondragover = (event) => this.drag(event, true);
    this.root.ondragleave = (event) => this.drag(event, false);
    this.root.ondrop = (event) => this.drop(event);
    // Whoever closes the tab while it is sending is asked first.
    this.warn = (event) => this.root.dataset.state === "sending" && event.preventDefault();
    window.addEventListener("beforeunload", this.warn);
  }

  take({ base, most }, setTriggerValue) {
    this.base = base;
    this.most = most;
    this.finished = (id) => setTriggerValue("finished", id);
    this.find("allowed").textContent =
      `A zip or tar archive, or the files as they are: images, with their labels file if there is one. ${sizeText(most)} at most.`;
  }

  close() {
    window.removeEventListener("beforeunload", this.warn);
    this.sending?.cancel();
  }

  drag(event, isOver) {
    event.preventDefault();
    this.root.classList.toggle("is-over", isOver && this.root.dataset.state === "idle");
  }

  async drop(event) {
    this.drag(event, false);
    if (this.root.dataset.state !== "idle") return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean); // before any wait
    try {
      this.choose((await Promise.all(entries.map(filesIn))).flat());
    } catch {
      this.show("idle", "What was dropped cannot be read. Choose it with a button instead.");
    }
  }

  // files: [{path, file}]. Hidden files are of no use, and left out.
  choose(files) {
    const kept = files.filter(({ path }) => !path.split("/").some((name) => name.startsWith(".") || name === "__MACOSX"));
    if (!kept.length) {
      this.show("idle", files.length ? "There is no file to send: hidden files are left out." : "");
      return;
    }
    const isOne = kept.length === 1;
    if (isOne && OTHER_ARCHIVE.test(kept[0].path)) {
      this.show("idle", "RAR, 7-Zip and Zstandard archives are not read. Unpack it, and choose the folder.");
      return;
    }
    const archive = isOne && ARCHIVE.test(kept[0].path) ? kept[0].file : tarOf(kept);
    if (archive.size > this.most) {
      this.show("idle", `This is ${sizeText(archive.size)}, and at most ${sizeText(this.most)} may be uploaded at once.`);
      return;
    }
    const folder = kept[0].path.includes("/") ? `, ${kept[0].path.split("/")[0]}` : "";
    this.find("what").textContent = isOne ? kept[0].path : `${kept.length.toLocaleString("en")} files${folder}`;
    this.sending = new Sending(this.base, archive, (progress) => this.tell(progress));
    this.tell({ sent: 0, isWaiting: false });
    this.send();
  }

  async send() {
    const sending = this.sending;
    this.begun = { at: performance.now(), from: sending.sent };
    this.show("sending");
    try {
      const id = await sending.run();
      this.show("idle");
      this.sending = null;
      this.finished(id);
    } catch (error) {
      if (this.sending !== sending) return; // it was cancelled
      const message = error instanceof SendingError ? error.message : "The upload failed. Choose the file again.";
      const isFinal = !(error instanceof SendingError) || error.isFinal;
      if (isFinal) this.cancel();
      this.show(isFinal ? "idle" : "failed", message);
    }
  }

  cancel() {
    this.sending?.cancel();
    this.sending = null;
    this.show("idle");
  }

  tell({ sent, isWaiting }) {
    const { size } = this.sending?.archive ?? { size: 1 };
    this.root.querySelector("progress").value = sent / size;
    const elapsed_s = (performance.now() - (this.begun?.at ?? 0)) / 1000;
    const speed = (sent - (this.begun?.from ?? 0)) / elapsed_s;
    const left = !isWaiting && elapsed_s > 3 && speed > 0 ? `, ${durationText((size - sent) / speed)} left` : "";
    const waiting = isWaiting ? ". No connection; trying again" : "";
    this.find("how-far").textContent = `${sizeText(sent)} of ${sizeText(size)}${left}${waiting}`;
  }

  show(state, problem = "") {
    this.root.dataset.state = state;
    this.find("problem").textContent = problem;
  }
}

// The files of what was dropped: [{path, file}].
async function filesIn(entry) {
  if (entry.isFile) {
    return [{ path: entry.fullPath.replace(/^\//, ""), file: await new Promise((...ended) => entry.file(...ended)) }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const entries = await new Promise((...ended) => reader.readEntries(...ended)); // a hundred at a time
    if (!entries.length) return found;
    for (const inner of entries) found.push(...(await filesIn(inner)));
  }
}

function sizeText(bytes) {
  return bytes >= 1e8 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function durationText(seconds) {
  return seconds < 60 ? "less than a minute" : `about ${Math.round(seconds / 60)} min`;
}
