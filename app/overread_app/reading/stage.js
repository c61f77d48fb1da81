// What the reader sees of the sample in sight: image, texts, and what Streamlit shows beneath, switched together.

class Stage {
  constructor(root, viewer, panel) {
    this.root = root;
    this.viewer = viewer;
    this.panel = panel;
    this.curtain = new Curtain();
  }

  // Show a sample that is ready; returns when that was, by performance.now().
  show(sample, visit) {
    const { id } = sample.packet;
    document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 }); // both labels and the image in sight
    this.panel.find("evidence").scrollTo({ top: 0 });
    if (sample.image) this.viewer.main.image === sample.image || this.viewer.show(sample.image); // keep how it is seen
    else this.viewer.blank(say("image.unseen_blind", { reason: sample.message }));
    this.panel.show(sample);
    this.root.classList.remove("is-ended");
    this.curtain.showOnly(id);
    const paintedAt = performance.now();
    Object.assign(this.root.dataset, { painted: visit, sample: id, paintedAt });
    return paintedAt;
  }

  // Nothing is left of the last sample, and the next one is not here yet.
  blank() {
    this.viewer.blank(say("image.loading_next"));
    this.panel.blank(say("image.loading_next"));
    this.curtain.showOnly("");
    delete this.root.dataset.sample;
  }

  end() {
    this.blank();
    this.root.classList.add("is-ended");
    this.curtain.showOnly("end");
  }

  get isEnded() {
    return this.root.classList.contains("is-ended");
  }

  close() {
    this.viewer.close();
    this.curtain.close();
  }
}
