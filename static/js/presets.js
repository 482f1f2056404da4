// Choosing a provider fills the form of a server in. What someone typed is replaced only after asking.
const show = (field, value) =>
  field.localName === "select" ? [...field.options].find((one) => one.value === value)?.label ?? value : value;

export class Presets {
  constructor(element, form) {
    this.form = form;
    this.known = JSON.parse(element.dataset.presets);
    this.dialog = element.querySelector("dialog");
    this.dialog.querySelector("[data-replace]").addEventListener("click", () => {
      for (const [field, value] of this.asked) put(field, value);
      this.dialog.close();
    });
  }

  // What is known of a provider in one of its regions.
  of(code, region) {
    const { regions, needy, ...values } = this.known[code] ?? this.known.other;
    return { ...values, host: regions[region] ?? values.host };
  }

  choose() {
    const { preset, region, filled } = this.form.elements;
    const code = preset.value;
    if (!region.value.startsWith(`${code}/`)) {
      const first = [...region.options].find((one) => one.value.startsWith(`${code}/`));
      if (first) region.value = first.value;
    }
    const here = region.value.startsWith(`${code}/`) ? region.value.slice(code.length + 1) : "";
    const wanted = this.of(code, here);
    const before = this.of(...(filled.value || "other/").split("/"));
    filled.value = `${code}/${here}`;
    this.asked = [];
    for (const [name, value] of Object.entries(wanted)) {
      const field = this.form.elements[name];
      const suggested = String(value);
      if (field.value === suggested) continue;
      if (!field.value || field.value === String(before[name])) put(field, suggested);
      else this.asked.push([field, suggested]);
    }
    this.needFilter();
    if (this.asked.length) this.ask();
  }

  // The account that sends as itself only is its own filter.
  needFilter() {
    const { preset, username, from_filter: filter } = this.form.elements;
    const tags = this.form.querySelector("d-tags");
    if (this.known[preset.value]?.needy && !filter.value && username.value.includes("@")) {
      if (tags?.set) tags.set([username.value.trim().toLowerCase()]);
      else filter.value = username.value.trim();
    }
  }

  async ask() {
    this.dialog.querySelector("dl").replaceChildren(...this.asked.flatMap(([field, value]) => {
      const label = document.createElement("dt");
      label.textContent = this.form.querySelector(`label[for="${field.id}"]`).firstChild.textContent;
      const change = document.createElement("dd");
      const old = document.createElement("s");
      old.textContent = show(field, field.value);
      change.append(old, " → ", show(field, value) || "—");
      return [label, change];
    }));
    (await import("./dialogs.js")).open(this.dialog.id);
  }
}

function put(field, value) {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
