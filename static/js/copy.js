// Copies its text, and says so in the button and aloud.
import { announce } from "./toasts.js";

class Copy extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    const label = button.querySelector("span");
    const before = label.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.querySelector("code").textContent);
      label.textContent = this.dataset.copied;
      announce(this.dataset.copied);
      setTimeout(() => { label.textContent = before; }, 2000);
    });
  }
}

customElements.define("d-copy", Copy);
