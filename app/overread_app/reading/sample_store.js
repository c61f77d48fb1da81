// Samples that are ready to be shown: their images decoded and painted, their thumbnails too.

const NUM_KEPT = 6;
const IS_LATER = (status) => [0, 401, 409].includes(status) || status >= 500; // it is asked for again

class SampleStore {
  constructor(server, boxOf) {
    this.server = server;
    this.boxOf = boxOf;
    this.samples = new Map(); // id -> {packet, image, message, thumbs, isReady, ready: promise}; the oldest first
    this.worker = new Worker(URL.createObjectURL(new Blob([DECODER], { type: "text/javascript" })), { type: "module" });
    this.worker.onmessage = ({ data }) => {
      this.waiting.get(data.number)?.(data);
      this.waiting.delete(data.number);
    };
    this.waiting = new Map(); // number of a question to the worker -> who waits for the answer
    this.number = 0;
  }

  // The sample of a packet: known, or on its way. A new packet takes the place of an older one.
  get(packet) {
    let sample = this.samples.get(packet.id);
    if (sample?.packet.image !== packet.image) {
      sample?.image?.bitmap.close(); // the study has another image by now
      sample = { isReady: false };
    }
    if (sample.packet?.isBlind && !packet.isBlind) {
      Object.assign(sample, { isReady: false, ready: null }); // its similar images are known now
    }
    sample.packet = packet;
    this.samples.delete(packet.id);
    this.samples.set(packet.id, sample);
    sample.ready ??= this.prepare(sample);
    for (const [id, old] of this.samples) {
      if (this.samples.size <= NUM_KEPT) break;
      this.samples.delete(id);
      old.image?.bitmap.close();
    }
    return sample;
  }

  // The packet of a sample that was shown a moment ago.
  packet(id) {
    return this.samples.get(id)?.packet;
  }

  async prepare(sample) {
    const { packet } = sample;
    const thumbs = Promise.all(packet.similar.map(({ thumb }) => decoded(thumb)));
    const isKept = () => this.samples.get(packet.id) === sample;
    for (let attempt = 0; isKept(); attempt++) {
      const { image, status, message } = sample.image ? sample : await this.decode(packet);
      if (!image && IS_LATER(status)) {
        await backOff(attempt);
        continue;
      }
      if (image && !isKept()) image.bitmap.close();
      sample.image = image;
      sample.message = image ? "" : message || say("server.unseen");
      sample.thumbs = await thumbs;
      sample.isReady = true;
      return;
    }
  }

  // image: the version of it that a packet names, by which the browser keeps it.
  decode({ id, image }) {
    const number = ++this.number;
    const url = `${this.server.base}/image/${encodeURIComponent(id)}?v=${image}`;
    return new Promise((resolve) => {
      this.waiting.set(number, resolve);
      this.worker.postMessage({ number, url, ticket: this.server.ticket, box: this.boxOf() });
    });
  }

  close() {
    this.worker.terminate();
    for (const { image } of this.samples.values()) image?.bitmap.close();
    this.samples.clear();
  }
}

// An image of a data URI, decoded; null if there is none.
async function decoded(uri) {
  if (!uri) return null;
  const image = new Image();
  image.src = uri;
  return image.decode().then(() => image, () => null);
}
