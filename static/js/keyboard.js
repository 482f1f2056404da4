// Shortcuts: each presses something that is on the page, so that none exists without its button.
const WAIT = 1200; // milliseconds between "g" and the letter after it
let waiting = 0;
let at = null;

export async function press(key, command, target) {
  if (command && key === "k") return (await import("./palette.js")).open();
  if (command) return document.querySelector("form[data-dirty]").requestSubmit();
  if (localStorage.getItem("letters") === "off" && key !== "/" && key !== "?") return;
  if (Date.now() - waiting < WAIT) {
    waiting = 0;
    document.querySelector(`[data-go="g ${CSS.escape(key)}"]`)?.click();
  } else if (key === "g") waiting = Date.now();
  else if (key === "?") (await import("./dialogs.js")).open("help");
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "x") row()?.querySelector(".c-check input")?.click();
  else if (key === "r") row()?.querySelector('[data-key-row="r"]')?.click();
  else if (key === "enter" && !target.closest("a, button, summary, input")) row()?.querySelector(".row-link")?.click();
  else if (key === "/") find(key)?.select?.() ?? find(key)?.focus();
  else if (key.length === 1) hit(find(key));
}

const find = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);

function hit(element) {
  if (element?.matches("input:not([type=radio]), textarea")) element.focus();
  else element?.click();
}

// The row that was stepped to, even after the list was swapped.
function row() {
  return at && (document.contains(at) ? at : document.getElementById(at.id));
}

// A list that refreshes itself brings new rows, which know nothing of where one was.
for (const settled of ["htmx:afterSettle", "htmx:after:settle"]) {
  document.body.addEventListener(settled, () => {
    if (!row() || row() === at) return;
    at = row();
    at.classList.add("is-at");
    if (document.activeElement === document.body) at.querySelector(".row-link")?.focus({ preventScroll: true });
  });
}

function step(by) {
  const rows = [...document.querySelectorAll(".list tbody tr:not(.table__group)")];
  const next = rows[Math.min(Math.max(rows.indexOf(row()) + by, 0), rows.length - 1)];
  row()?.classList.remove("is-at");
  at = next;
  next?.classList.add("is-at");
  next?.scrollIntoView({ block: "nearest" });
  next?.querySelector(".row-link")?.focus({ preventScroll: true });
}
