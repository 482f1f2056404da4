// A select that searches as one types (ARIA 1.2 list autocomplete). The select stays, hidden, and keeps the value.
import { place } from "./menus.js";

const DELAY = 150;
let number = 0;

class Combobox extends HTMLElement {
  connectedCallback() {
    this.select = this.querySelector("select");
    if (this.input || this.select.disabled) return;
    this.input = this.makeInput();
    this.list = this.makeList();
    const focused = document.activeElement === this.select;
    this.select.hidden = true;
    this.select.required = false; // what is hidden cannot say what it lacks; the server does
    this.prepend(this.input);
    this.append(this.list);
    this.input.addEventListener("input", () => this.look(DELAY));
    this.input.addEventListener("click", () => {
      this.input.focus();
      this.look(0, "");
    });
    this.input.addEventListener("focus", () => this.input.select());
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.input.addEventListener("blur", () => this.leave());
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the box
    this.list.addEventListener("click", (event) => this.choose(event.target.closest("[data-value]")));
    this.select.form?.addEventListener("reset", () => setTimeout(() => this.restore()));
    if (focused) this.input.focus();
  }

  makeInput() {
    const input = document.createElement("input");
    const { select } = this;
    const attributes = {
      type: "text", role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false",
      id: select.id, "aria-controls": `options-${++number}`,
    };
    for (const [name, value] of Object.entries(attributes)) if (value) input.setAttribute(name, value);
    for (const name of ["aria-label", "aria-describedby", "aria-invalid", "placeholder", "autofocus"]) {
      if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    }
    if (select.required) input.setAttribute("aria-required", "true");
    if (select.id) select.id = `${select.id}-value`;
    input.value = this.label();
    return input;
  }

  makeList() {
    const list = document.createElement("ul");
    list.className = "options";
    list.id = `options-${number}`;
    list.popover = "manual";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", this.dataset.results);
    return list;
  }

  label() {
    const chosen = this.select.selectedOptions[0];
    return chosen?.value ? chosen.textContent.trim() : "";
  }

  look(delay, words = this.input.value) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(words), delay);
  }

  async ask(words) {
    this.abort?.abort();
    this.abort = new AbortController();
    const url = new URL(this.dataset.url, location.href);
    url.searchParams.set("q", words);
    const options = { signal: this.abort.signal, headers: { "HX-Request": "true" } };
    const answer = await fetch(url, options).catch(() => null);
    if (!answer?.ok || document.activeElement !== this.input) return;
    this.list.innerHTML = await answer.text();
    for (const [at, option] of this.options().entries()) option.id = `${this.list.id}-${at}`;
    this.open();
    if (words) this.mark(this.options()[0]);
  }

  options() {
    return [...this.list.querySelectorAll("[data-value]")];
  }

  open() {
    this.list.style.width = `${this.input.offsetWidth}px`;
    if (!this.list.matches(":popover-open")) this.list.showPopover();
    place(this.list, this.input);
    this.input.setAttribute("aria-expanded", "true");
  }

  close() {
    clearTimeout(this.timer);
    this.abort?.abort();
    if (this.list.matches(":popover-open")) this.list.hidePopover();
    this.input.setAttribute("aria-expanded", "false");
    this.mark(null);
  }

  mark(option) {
    for (const other of this.options()) other.setAttribute("aria-selected", other === option);
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  press(event) {
    const all = this.options();
    const now = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const shown = this.list.matches(":popover-open");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!shown) this.look(0, "");
      else if (all.length) this.mark(all.at((now + (event.key === "ArrowDown" ? 1 : now < 0 ? 0 : -1)) % all.length));
    } else if (event.key === "Enter" && shown && all[now]) {
      event.preventDefault();
      this.choose(all[now]);
    } else if (event.key === "Escape" && shown) {
      event.preventDefault();
      event.stopPropagation();
      this.restore();
    }
  }

  choose(option) {
    if (option) this.set(option.dataset.value, option.dataset.label);
  }

  set(value, label) {
    if (![...this.select.options].some((known) => known.value === value)) this.select.add(new Option(label, value));
    this.select.value = value;
    this.restore();
    this.select.dispatchEvent(new Event("input", { bubbles: true }));
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
    this.dispatchEvent(new CustomEvent("d:change", { bubbles: true, detail: { value, label } }));
  }

  // Empty means none; anything else that was not chosen is what it was before.
  leave() {
    if (!this.input.value.trim() && this.label()) this.set("", "");
    else this.restore();
  }

  restore() {
    this.close();
    this.input.value = this.label();
  }
}

customElements.define("d-combobox", Combobox);
