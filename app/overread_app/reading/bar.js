// The bar beneath the image: numbers, buttons and two menus, which show how the image is seen and do what keys do.

class Bar {
  constructor(root, viewer) {
    this.viewer = viewer;
    const find = (name) => root.querySelector(`.${name}`);
    this.fields = { center: find("centre"), window: find("width") };
    this.names = [find("centre-name"), find("width-name")];
    this.zoom = find("zoom");
    this.keptMark = find("kept");
    this.menus = [...root.querySelectorAll(".menu")];
    this.switches = {};
    for (const { name, shown, run } of viewer.keys) {
      const button = root.querySelector(`[data-run="${name}"]`);
      if (!button) continue;
      button.appendChild(make("kbd")).textContent = shown;
      button.onclick = () => {
        run();
        this.closeMenus();
      };
      this.switches[name] = button;
    }
    this.presets = Array.from({ length: NUM_PRESETS }, (_, i) => {
      const button = find("presets").appendChild(make("button"));
      button.type = "button";
      button.append(make("span"), make("kbd"));
      button.lastChild.textContent = `⇧ ${i + 1}`;
      button.onclick = () => {
        viewer.usePreset(i);
        this.closeMenus();
      };
      return button;
    });
    for (const field of Object.values(this.fields)) {
      field.oninput = () => this.read();
      field.onblur = () => this.write();
    }
    for (const menu of this.menus) {
      menu.addEventListener("focusout", ({ relatedTarget }) => {
        if (relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
      });
    }
    root.addEventListener("pointerdown", ({ target }) => {
      for (const menu of this.menus) if (!menu.contains(target)) menu.open = false;
    });
  }

  get isOpen() {
    return this.menus.some((menu) => menu.open);
  }

  // Whether one was open.
  closeMenus() {
    const open = this.menus.find((menu) => menu.open);
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
    return Boolean(open);
  }

  writePresets(found) {
    this.presets.forEach((button, i) => {
      button.hidden = !found[i];
      button.firstChild.textContent = found[i]?.name ?? "";
    });
  }

  write() {
    const { main, isKept, isMagnified } = this.viewer;
    this.keptMark.hidden = !isKept;
    for (const [name, isOn] of [["keep", isKept], ["magnify", isMagnified]]) {
      this.switches[name].setAttribute("aria-pressed", isOn);
    }
    if (!main.image) return;
    const isInValues = hasValues(main.image.spec);
    const { center, window, isInverted } = main.shown;
    this.switches.invert.setAttribute("aria-pressed", isInverted);
    this.names[0].textContent = say(isInValues ? "image.centre" : "image.brightness");
    this.names[1].textContent = say(isInValues ? "image.width" : "image.contrast");
    const shown = isInValues ? { center, window } : { center: (128 - center) / 1.28, window: (100 * 256) / window };
    for (const [name, field] of Object.entries(this.fields)) {
      if (field.getRootNode().activeElement !== field) field.value = Math.round(shown[name]);
    }
  }

  writeZoom(scale) {
    const text = `${Math.round(100 * scale)} %`;
    if (this.zoom.value !== text) this.zoom.value = text;
  }

  read() {
    const { main } = this.viewer;
    if (!main.image) return;
    const [center, window] = [this.fields.center.valueAsNumber, this.fields.window.valueAsNumber];
    const isInValues = hasValues(main.image.spec);
    const shown = { ...main.shown };
    if (Number.isFinite(center)) shown.center = isInValues ? center : 128 - center * 1.28;
    if (Number.isFinite(window) && window > 0) shown.window = isInValues ? window : (100 * 256) / window;
    this.viewer.setWindow(shown);
  }
}

// A radiograph's window is in its own units, one of an image of 8 bits in percent, as a photograph's.
function hasValues({ isDicom, type }) {
  return isDicom || type !== "uint8";
}
