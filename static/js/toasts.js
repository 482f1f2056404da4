// Short messages at the corner: five seconds, longer under the pointer or the focus; errors stay until closed.

const SECONDS = 5;
const GAP = 8;
const region = document.querySelector("d-toasts");
let lost = null;

class Toasts extends HTMLElement {
  connectedCallback() {
    for (const toast of this.querySelectorAll(":scope > .toast")) watch(toast);
    // What it says was saved is old news to whoever writes on.
    for (const toast of this.querySelectorAll(":scope > .toast--success")) {
      document.addEventListener("input", () => toast.remove(), { once: true });
    }
  }
}

function watch(toast) {
  toast.querySelector(".toast__close").addEventListener("click", () => toast.remove());
  if (toast.matches(".toast--danger")) return;
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), SECONDS * 1000); };
  const stop = () => clearTimeout(timer);
  for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, stop);
  for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, start);
  start();
}

// Never on the bar that saves a form, wherever that stands: on its way down the page, or at its end.
function giveWay() {
  region.style.insetBlockEnd = "";
  const bar = document.querySelector("form[data-changed] .save-bar")?.getBoundingClientRect();
  const mine = region.getBoundingClientRect();
  if (bar && bar.top < mine.bottom && bar.bottom > mine.top) region.style.insetBlockEnd = `${innerHeight - bar.top + GAP}px`;
}

const changes = new MutationObserver(giveWay);
changes.observe(region, { childList: true });
changes.observe(document.body, { subtree: true, attributeFilter: ["data-changed"] });
for (const type of ["scroll", "resize"]) addEventListener(type, giveWay, { passive: true });

export function toast({ text, tone = "success", undo = "", action = null }) {
  const element = region.querySelector("template").content.firstElementChild.cloneNode(true);
  element.className = `toast toast--${tone}`;
  element.querySelector(".toast__text").textContent = text;
  const button = element.querySelector(".toast__undo");
  const todo = action || (undo && { label: region.dataset.undo, run: () => take(undo) });
  if (todo) {
    button.hidden = false;
    button.textContent = todo.label;
    button.addEventListener("click", () => { element.remove(); todo.run(); });
  }
  region.append(element);
  watch(element);
  return element;
}

async function take(url) {
  const answer = await fetch(url, { method: "POST", headers: { "X-CSRFToken": document.body.dataset.csrf } }).catch(() => null);
  if (answer?.ok) location.reload();
  else say("failed");
}

// One of the sentences that the region carries.
export const say = (name) => toast({ text: region.dataset[name], tone: "danger" });

// What an answer that is none means.
export function refused({ status, responseText: text }) {
  const words = { 401: "forbidden", 403: "forbidden", 404: "missing", 409: "conflict" };
  if (status === 413 && text) toast({ text, tone: "danger" });
  else say(words[status] || "failed");
}

// A request that never arrived, and may be sent again.
export function unsent({ elt, requestConfig: { triggeringEvent } }) {
  offline(() => htmx.trigger(elt, triggeringEvent?.type || "click"));
}

// Words for the ears only.
export function announce(text) {
  const words = document.createElement("span");
  words.className = "visually-hidden";
  words.textContent = text;
  region.append(words);
  setTimeout(() => words.remove(), 2000);
}

export function offline(again = null) {
  lost?.remove();
  lost = toast({
    text: region.dataset.offline,
    tone: "danger",
    action: again && { label: region.dataset.retry, run: again },
  });
}

export function online() {
  lost?.remove();
  lost = null;
}

customElements.define("d-toasts", Toasts);
