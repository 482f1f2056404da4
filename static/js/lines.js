// <d-lines>: adds lines to a formset, and keeps the amounts and the total in step with what is typed.
// Without it the page offers blank lines and a box to delete each one.

const language = document.documentElement.lang;

/** A number as it is written in the page's language: "1.850,50" in Spanish. NaN for anything else. */
function number(text) {
  const decimal = new Intl.NumberFormat(language).formatToParts(1.5).find((part) => part.type === "decimal").value;
  const group = decimal === "," ? "." : ",";
  const plain = text.trim().replaceAll(/\s/g, "");
  return plain === "" ? NaN : Number(plain.replaceAll(group, "").replace(decimal, "."));
}

class Lines extends HTMLElement {
  // In the constructor: whoever moves the element about connects it again, and it must not listen twice.
  constructor() {
    super();
    const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2, useGrouping: "always" };
    const written = new Intl.NumberFormat(language, digits);
    this.money = { format: (amount) => `${written.format(amount)}\u00a0€` };  // as the server writes it
    this.addEventListener("click", (event) => {
      if (event.target.closest("[data-add]")) this.add();
    });
    this.addEventListener("input", () => this.reckon());
  }

  add() {
    const total = this.querySelector('input[name$="-TOTAL_FORMS"]');
    const row = document.createElement("template");
    row.innerHTML = this.querySelector("template").innerHTML.replaceAll("__prefix__", total.value);
    total.value = Number(total.value) + 1;
    const line = row.content.querySelector("tr");
    this.querySelector("[data-lines]").append(line);
    line.querySelector('input:not([type="hidden"])').focus();
    this.dispatchEvent(new Event("input", { bubbles: true }));
  }

  reckon() {
    let total = 0;
    for (const line of this.querySelectorAll(".line")) {
      const value = (name) => number(line.querySelector(`input[name$="-${name}"]`).value);
      const amount = value("quantity") * value("price");
      line.querySelector("[data-amount]").value = Number.isFinite(amount) ? this.money.format(amount) : "";
      if (Number.isFinite(amount) && !line.querySelector('input[name$="-DELETE"]').checked) total += amount;
    }
    this.querySelector("[data-total]").value = this.money.format(total);
  }
}

customElements.define("d-lines", Lines);
