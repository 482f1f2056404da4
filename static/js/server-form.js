// A settings form whose fields depend on each other: parts shown for certain answers only, the port that goes with the
// security until someone types another, and what is known of a provider. Without it everything is shown, an empty port
// is filled on saving, and a button fills in the provider's values.

class ServerForm extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.ports = JSON.parse(this.dataset.ports || "{}");
    const { port, security, username } = this.form.elements;
    if (port) {
      // What a person wrote, not what was filled in.
      port.addEventListener("input", (event) => { this.typed = event.isTrusted && port.value !== ""; });
      security.addEventListener("change", () => this.followSecurity(port, security.value));
    }
    if (this.dataset.presets) username.addEventListener("change", async () => (await this.presets()).needFilter());
    this.form.addEventListener("change", (event) => this.changed(event.target));
    // A reset gives the fields their values back only after the event.
    this.form.addEventListener("reset", () => setTimeout(() => this.show()));
    // A browser that goes back gives them theirs.
    setTimeout(() => this.show());
    this.show();
  }

  async changed({ name }) {
    if (this.dataset.presets && (name === "preset" || name === "region")) (await this.presets()).choose();
    this.show();
  }

  async presets() {
    const { Presets } = await import("./presets.js");
    return (this.chooser ??= new Presets(this, this.form));
  }

  // A port that was typed stays, and so does a stored one that no kind of security suggests.
  followSecurity(port, security) {
    const usual = Object.values(this.ports).map(String);
    const free = !port.value || (!this.typed && usual.includes(port.value));
    if (free && this.ports[security]) port.value = this.ports[security];
  }

  show() {
    const data = new FormData(this.form);
    for (const part of this.querySelectorAll("[data-shown-when]")) {
      const answers = part.dataset.shownWhen.trim().split(" ").map((answer) => answer.split("="));
      part.hidden = !answers.some(([name, value]) => data.getAll(name).includes(value));
    }
    for (const group of this.querySelectorAll("select[name=region] optgroup")) {
      group.hidden = ![...group.children].some((one) => one.value.startsWith(`${data.get("preset")}/`));
    }
  }
}

customElements.define("d-server-form", ServerForm);
