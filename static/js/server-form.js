// A settings form whose fields depend on each other: parts shown for certain answers only, and the port that goes
// with the security until someone types another. Without it everything is shown and an empty port is filled on saving.

class ServerForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.ports = JSON.parse(this.dataset.ports || "{}");
    const { port, security } = this.form.elements;
    if (port) {
      // A port that no kind of security suggests was chosen by someone.
      this.typed = port.value !== "" && Number(port.value) !== this.ports[security.value];
      port.addEventListener("input", () => { this.typed = port.value !== ""; });
      security.addEventListener("change", () => this.followSecurity(port, security.value));
    }
    this.form.addEventListener("change", () => this.show());
    // A reset gives the fields their values back only after the event.
    this.form.addEventListener("reset", () => setTimeout(() => this.show()));
    this.show();
  }

  followSecurity(port, security) {
    if (!this.typed && this.ports[security]) port.value = this.ports[security];
  }

  show() {
    for (const part of this.querySelectorAll("[data-shown-when]")) {
      part.hidden = !part.dataset.shownWhen.split(" ").some((answer) => this.has(...answer.split("=")));
    }
  }

  has(name, value) {
    const data = new FormData(this.form);
    return data.getAll(name).includes(value);
  }
}

customElements.define("d-server-form", ServerForm);
