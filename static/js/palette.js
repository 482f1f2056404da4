// The palette: type, choose with the arrows, Enter goes there.
const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const hits = dialog?.querySelector("[role=listbox]");
const options = () => [...hits.querySelectorAll("[role=option]")];

function mark(option) {
  for (const other of options()) other.setAttribute("aria-selected", other === option);
  input.setAttribute("aria-activedescendant", option?.id || "");
  input.setAttribute("aria-expanded", String(options().length > 0));
  option?.scrollIntoView({ block: "nearest" });
}

export function open() {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  input.select();
  htmx.trigger(input, "palette");
}

function move(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const all = options();
  const now = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (by && all.length) {
    event.preventDefault();
    mark(all[(now + by + all.length) % all.length]);
  } else if (event.key === "Enter" && all[now]) {
    event.preventDefault();
    all[now].click();
  }
}

input?.addEventListener("keydown", move);
hits?.addEventListener("htmx:afterSettle", () => mark(options()[0]));
dialog?.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("a")) dialog.close(); });
