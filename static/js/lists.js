// Selection in lists: the box of all rows, and how many are selected.
const boxes = (within) => [...within.querySelectorAll("tbody .c-check input[type=checkbox]")];

class SelectAll extends HTMLElement {
  connectedCallback() {
    const all = this.querySelector("input");
    const table = this.closest("table");
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of boxes(table)) box.checked = all.checked;
      table.dispatchEvent(new Event("change", { bubbles: true }));
    });
    table.addEventListener("change", () => this.agree(all, table));
    this.agree(all, table);
  }

  agree(all, table) {
    const chosen = boxes(table).filter((box) => box.checked).length;
    all.checked = chosen > 0 && chosen === boxes(table).length;
    all.indeterminate = chosen > 0 && !all.checked;
  }
}

class Bulk extends HTMLElement {
  connectedCallback() {
    this.list = this.closest(".list");
    this.list.addEventListener("change", () => this.count());
    // The boxes take their values back only after the event.
    this.querySelector("form").addEventListener("reset", () => setTimeout(() => {
      this.list.querySelector("table").dispatchEvent(new Event("change", { bubbles: true }));
    }));
    this.count();
  }

  count() {
    this.querySelector("[data-count]").textContent = boxes(this.list).filter((box) => box.checked).length || "";
  }
}

customElements.define("d-select-all", SelectAll);
customElements.define("d-bulk", Bulk);
