// Looking: one image in the viewer of reading, beside which the page asks in its own fields.

const looks = new WeakMap();

export default function ({ data, parentElement }) {
  if (!parentElement.isConnected) return; // the page has gone on meanwhile
  if (!looks.has(parentElement)) looks.set(parentElement, new Look(parentElement, data));
  looks.get(parentElement).take(data);
  return () => {
    // Streamlit also calls this for data that newer data have overtaken, while the component is still there.
    if (parentElement.isConnected) return;
    looks.get(parentElement)?.store.close();
    looks.delete(parentElement);
  };
}

class Look {
  constructor(parent, data) {
    learn(data);
    const root = parent.querySelector(".reading");
    writeTexts(root);
    this.server = new Server();
    this.viewer = new Viewer(root.querySelector(".viewer"), (packet) => this.store.decode(packet));
    this.store = new SampleStore(this.server, () => this.viewer.surface.box);
  }

  async take(data) {
    this.server.set(data);
    const { packet } = data;
    if (packet.id === this.packet?.id && packet.image === this.packet.image) return;
    this.packet = packet;
    this.viewer.blank(say("image.loading"));
    const sample = this.store.get(packet);
    await sample.ready;
    if (this.packet !== packet) return; // another one is asked for by now
    if (sample.image) this.viewer.show(sample.image);
    else this.viewer.blank(sample.message);
  }
}
