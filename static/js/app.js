// What every page does: the other behaviours are fetched when their element is there, or when they are first wanted.
import "./requests.js";

const behaviours = {
  "d-frame": () => import("./frame.js"),
  "d-select-all": () => import("./lists.js"),
  "d-bulk": () => import("./lists.js"),
  "d-toasts:has(> .toast)": () => import("./toasts.js"),
};
// These do nothing until someone comes near.
const touched = {
  "d-combobox": () => import("./combobox.js"),
  "d-tabs": () => import("./tabs.js"),
  "d-lines": () => import("./lines.js"),
  "d-copy": () => import("./copy.js"),
};

function load(root) {
  for (const [selector, fetch] of Object.entries(behaviours)) {
    if (root.matches?.(selector) || root.querySelector(selector)) fetch();
  }
  if (location.hash && root.querySelector("d-tabs")) touched["d-tabs"]();
}
load(document);
document.addEventListener("htmx:load", (event) => load(event.target));

async function touch(event) {
  const element = event.target.closest?.(Object.keys(touched).join());
  const name = element?.localName;
  if (!name || customElements.get(name)) return;
  // The select that a combobox will stand in for must not open its own list first.
  if (event.type === "mousedown" && name === "d-combobox") event.preventDefault();
  await touched[name]();
  if (event.type !== "click") return;
  // Only what the behaviour itself listens to: other buttons inside it have heard this click already.
  if (event.target.closest("[role=tab], d-copy button, [data-add]")) event.target.click();
  else if (name === "d-combobox") element.querySelector("input").click();
}
for (const type of ["pointerover", "focusin", "mousedown", "click"]) {
  document.addEventListener(type, touch, { capture: true });
}

// ---- what is opened ----
document.addEventListener("click", async (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const opener = event.target.closest("[data-opens], [data-help], [data-palette]");
  if (opener) {
    event.preventDefault();
    if ("palette" in opener.dataset) (await import("./palette.js")).open();
    else (await import("./dialogs.js")).open(opener.dataset.opens || "help", opener);
  }
  // A choice closes its menu, once the browser has done what the choice asks for.
  const menu = event.target.closest(".menu__item")?.closest("[popover]");
  if (menu?.matches(":popover-open")) setTimeout(() => menu.hidePopover());
});

// Where the browser cannot place a popover beside its button.
if (!CSS.supports("position-area", "block-end")) {
  document.addEventListener("toggle", async (event) => {
    if (event.newState === "open" && event.target.matches(".menu")) (await import("./menus.js")).place(event.target);
  }, true);
}

// ---- questions before something is undone ----
document.addEventListener("htmx:confirm", async (event) => {
  const { question, elt, issueRequest } = event.detail;
  if (!question) return;
  event.preventDefault();
  if (await (await import("./dialogs.js")).ask(question, elt)) issueRequest(true);
});
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const asker = [event.submitter, form].find((element) => element?.dataset.confirm);
  if (!asker || form.answered) return;
  event.preventDefault();
  event.stopPropagation();
  if (!(await (await import("./dialogs.js")).ask(asker.dataset.confirm, asker))) return;
  form.answered = true;
  form.requestSubmit(event.submitter);
  form.answered = false;
}, true);

// ---- forms that remember what was there ----
document.addEventListener("input", (event) => {
  // What is only asked, not saved, changes nothing.
  if (event.target.closest?.("[data-clean]")) return;
  event.target.closest?.("form[data-dirty]")?.setAttribute("data-changed", "");
});
document.addEventListener("reset", (event) => event.target.removeAttribute("data-changed"));
document.addEventListener("submit", (event) => event.target.removeAttribute("data-changed"));
addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-changed]")) event.preventDefault();
});

// ---- theme ----
document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  (await import("./theme.js")).choose(event.target, event.submitter);
});

// ---- live parts ----
function beat(name, seconds) {
  const ring = () => { if (!document.hidden) document.body.dispatchEvent(new CustomEvent(name)); };
  setInterval(ring, seconds * 1000);
  return ring;
}
beat("ui:tick-fast", 2);
const tick = beat("ui:tick", 15);
document.addEventListener("visibilitychange", tick);

// ---- keys ----
// One after the other: imports of one script are settled in any order.
let pressed = Promise.resolve();
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const listens = () => !document.activeElement?.closest(FIELDS) && !document.querySelector("dialog[open]");
document.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (event.isComposing || event.altKey || (command && key !== "k" && key !== "s")) return;
  if (!command && !listens()) return;
  if (command && key === "s" && !document.querySelector("form[data-dirty]")) return;
  if (command || key === "/") event.preventDefault();
  pressed = pressed.catch(() => {}).then(async () => {
    const { press } = await import("./keyboard.js");
    // The key before this one may have opened a dialog, or gone to a field.
    if (command || listens()) await press(key, command, event.target);
  });
});
