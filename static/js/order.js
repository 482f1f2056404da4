// <d-order>: puts the rows of a table in order, by dragging their grip or by its arrow keys. A row says where its new
// place is posted. Without it the menu of each row moves it up and down.

class Order extends HTMLElement {
  constructor() {
    super();
    this.addEventListener("pointerdown", (event) => this.take(event));
    this.addEventListener("keydown", (event) => this.press(event));
    // What refreshes itself waits while a row is in somebody's hand, or its place is not yet saved.
    this.addEventListener("htmx:beforeRequest", (event) => {
      if (event.target.id === "servers" && (this.held || this.timer)) event.preventDefault();
    });
  }

  get rows() { return [...this.querySelectorAll("tr[data-move]")]; }

  take(event) {
    const grip = event.target.closest(".grip");
    if (!grip || event.button || this.held) return;
    event.preventDefault();
    grip.focus();
    if (this.moved) this.save(this.moved);
    const row = grip.closest("tr");
    const before = this.rows.indexOf(row);
    const letGo = new AbortController();
    const on = (type, action) => grip.addEventListener(type, action, { signal: letGo.signal });
    const end = (save) => {
      letGo.abort();
      this.held = null;
      row.classList.remove("is-held");
      if (!save) this.restore();
      else if (this.rows.indexOf(row) !== before) this.tell(row).then(() => this.save(row));
    };
    this.held = row;
    row.classList.add("is-held");
    grip.setPointerCapture(event.pointerId);
    on("pointermove", ({ clientY }) => this.drag(row, clientY));
    on("pointerup", () => end(true));
    on("pointercancel", () => end(false));
    on("keydown", (pressed) => { if (pressed.key === "Escape") end(false); });
  }

  drag(row, y) {
    const middle = (other) => { const box = other.getBoundingClientRect(); return box.top + box.height / 2; };
    const rows = this.rows;
    const at = rows.indexOf(row);
    const way = at > 0 && y < middle(rows[at - 1]) ? -1 : at < rows.length - 1 && y > middle(rows[at + 1]) ? 1 : 0;
    if (way && this.step(row, way)) this.drag(row, y);
  }

  // The neighbour goes round the row: the row itself stays in the page, and keeps the focus and the pointer.
  step(row, way) {
    const rows = this.rows;
    const other = rows[rows.indexOf(row) + way];
    if (other) row[way < 0 ? "after" : "before"](other);
    row.scrollIntoView({ block: "nearest" });
    return Boolean(other);
  }

  press(event) {
    const grip = event.target.closest(".grip");
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!grip || !way || this.held) return;
    event.preventDefault();
    const row = grip.closest("tr");
    if (this.moved && this.moved !== row) this.save(this.moved);
    this.step(row, way);
    this.tell(row);
    this.moved = row;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(row), 500);
  }

  async tell(row) {
    const { announce } = await import("./toasts.js");
    const words = { name: row.dataset.name, place: this.rows.indexOf(row) + 1, count: this.rows.length };
    announce(this.dataset.said.replace(/\{(\w+)\}/g, (_, word) => words[word]));
  }

  async save(row) {
    clearTimeout(this.timer);
    this.timer = this.moved = null;
    const answer = await fetch(row.dataset.move, {
      method: "POST",
      headers: { "X-CSRFToken": document.body.dataset.csrf, "HX-Request": "true" },
      body: new URLSearchParams({ place: this.rows.indexOf(row) + 1 }),
    }).catch(() => null);
    if (!answer?.ok) {
      (await import("./toasts.js")).say("failed");
      this.restore();
    }
    htmx.trigger(document.body, "servers:changed");
  }

  restore() {
    const rows = this.rows.sort((one, other) => one.dataset.place - other.dataset.place);
    rows[0]?.parentNode.append(...rows);
  }
}

customElements.define("d-order", Order);
