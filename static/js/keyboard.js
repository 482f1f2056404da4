// Shortcuts: each presses something that is on the page, so that none exists without its button.
const WAIT = 1200; // milliseconds between "g" and the letter after it
let waiting = 0;
// The row that was stepped to, and how many were above it.
let at = null;
let place = 0;

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

const rows = () => [...document.querySelectorAll(".list tbody tr:not(.table__group)")];
// What a row is about stays when the list is drawn anew.
const subject = (one) => one.id || one.querySelector(".row-link")?.getAttribute("href");

// The row that was stepped to, even after the list was swapped; null where it is no longer listed.
function row() {
  if (!at || at.isConnected) return at;
  return (subject(at) && rows().find((one) => subject(one) === subject(at))) || null;
}

function step(by) {
  const all = rows();
  const now = all.indexOf(row());
  // In the place of one that has gone stands the one after it.
  const to = now < 0 ? place + Math.min(by, 0) : now + by;
  mark(all[Math.min(Math.max(to, 0), all.length - 1)] ?? null);
  at?.scrollIntoView({ block: "nearest" });
  at?.querySelector(".row-link")?.focus({ preventScroll: true });
}

function mark(one) {
  for (const other of document.querySelectorAll("tr.is-at")) other.classList.remove("is-at");
  at = one;
  if (!at) return;
  at.classList.add("is-at");
  place = rows().indexOf(at);
}

// A list that refreshes itself brings new rows, which know nothing of where one was; and when it settles, htmx takes
// away whatever class a row was given since the swap.
for (const settled of ["htmx:afterSettle", "htmx:after:settle"]) {
  document.body.addEventListener(settled, () => row() && mark(row()));
}
