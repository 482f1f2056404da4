// A list of addresses and domains as tags. The plain field underneath keeps the text that is sent, and is all there is
// without script.

const HOST = /^(?!.*\.\d+\.?$)[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?(\.[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?)*\.?$/u;
const LOCAL = /^([^\s"(),:;<>@[\\\]*]+|"[^"]+")$/;

class Tags extends HTMLElement {
  connectedCallback() {
    if (this.box) return;
    this.field = this.querySelector("input");
    this.reasons = {};
    for (const told of this.querySelectorAll("[data-part]")) this.reasons[told.dataset.part] = told.textContent;
    this.icons = this.querySelector("template").content.children;
    this.box = this.field.cloneNode();
    this.box.removeAttribute("name");
    this.box.removeAttribute("value");
    this.field.type = "hidden";
    this.field.removeAttribute("id");
    this.list = document.createElement("ul");
    this.why = document.createElement("div");
    const frame = document.createElement("div");
    frame.className = "tags__frame";
    frame.append(this.list, this.box);
    this.append(frame, this.why);
    frame.addEventListener("click", (event) => { if (event.target === frame) this.box.focus(); });
    this.box.addEventListener("keydown", (event) => this.press(event));
    this.box.addEventListener("input", () => { if (/[,;\n]/.test(this.box.value)) this.take(); });
    this.box.addEventListener("blur", () => this.take());
    this.draw();
  }

  get parts() {
    return this.field.value.split(",").map((part) => part.trim()).filter(Boolean);
  }

  set(parts) {
    this.field.value = [...new Set(parts)].join(", ");
    this.draw();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  press(event) {
    const { key } = event;
    if (event.isComposing) return;
    if (key === "Enter" && this.box.value.trim()) {
      event.preventDefault();
      this.take();
    } else if (key === "Backspace" && !this.box.value && this.parts.length) {
      this.remove(this.parts.length - 1);
    }
  }

  // What was written becomes tags, in the form that it will be kept in.
  take() {
    const words = this.box.value.split(/[,;\n]|\s+(?=\S+@|@?[^\s.]+\.)/).map((word) => word.trim()).filter(Boolean);
    this.box.value = "";
    if (words.length) this.set([...this.parts, ...words.map((word) => word.replace(/^@|\.$/g, "").toLowerCase())]);
  }

  async remove(position) {
    const parts = this.parts;
    const [gone] = parts.splice(position, 1);
    this.set(parts);
    this.box.focus();
    (await import("./toasts.js")).announce(`${this.dataset.removed} ${gone}`);
  }

  draw() {
    const { address, domain, remove } = this.dataset;
    const problems = [];
    this.list.replaceChildren(...this.parts.map((part, position) => {
      const isAddress = part.includes("@");
      const wrong = this.wrong(part);
      if (wrong && !this.reasons[part]) problems.push([part, wrong]);
      const tag = document.createElement("li");
      tag.className = wrong ? "chip chip--danger" : "chip";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "chip__remove";
      button.ariaLabel = `${remove} ${part}`;
      button.append(this.icon(3));
      button.addEventListener("click", () => this.remove(position));
      tag.append(this.icon(wrong ? 2 : isAddress ? 0 : 1), hidden(`${isAddress ? address : domain}: `));
      tag.append(text("chip__label", part), wrong ? hidden(` (${wrong})`) : "", button);
      return tag;
    }));
    this.why.replaceChildren(...problems.map(([part, wrong]) => {
      const line = document.createElement("p");
      line.className = "field-error";
      line.append(this.icon(2), text("", `«${part}»: ${wrong}`));
      return line;
    }));
    this.box.placeholder = this.parts.length ? "" : this.field.placeholder;
  }

  wrong(part) {
    if (this.reasons[part]) return this.reasons[part];
    const at = part.lastIndexOf("@");
    const { wrongAddress, wrongDomain } = this.dataset;
    if (at > 0) return LOCAL.test(part.slice(0, at)) && HOST.test(part.slice(at + 1)) ? "" : wrongAddress;
    return HOST.test(part.slice(at + 1)) ? "" : wrongDomain;
  }

  icon(which) {
    return this.icons[which].cloneNode(true);
  }
}

function text(name, words) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = words;
  return span;
}

const hidden = (words) => text("visually-hidden", words);

customElements.define("d-tags", Tags);
