// Requests of htmx: the token they carry, what happens when they fail, and what a swap must not lose.
const toasts = () => import("./toasts.js");

function addToken({ detail }) {
  const headers = detail.headers || detail.ctx.request.headers;
  headers["X-CSRFToken"] = document.body.dataset.csrf;
}
document.addEventListener("htmx:configRequest", addToken);
document.addEventListener("htmx:config:request", addToken); // htmx 4

// A toast asked for by the server (HX-Trigger).
document.addEventListener("toast", async (event) => (await toasts()).toast(event.detail));

document.addEventListener("htmx:responseError", async ({ detail }) => (await toasts()).refused(detail.xhr));
for (const type of ["htmx:sendError", "htmx:timeout"]) {
  // A part that refreshes itself will ask again anyway.
  document.addEventListener(type, async ({ detail }) => isBeat(detail.requestConfig) || (await toasts()).unsent(detail));
}
addEventListener("offline", async () => (await toasts()).offline());
addEventListener("online", async () => (await toasts()).online());

// A part that refreshes itself waits while someone is choosing, pressing or writing in it, also with an answer that was
// on its way when they began.
const isBeat = ({ triggeringEvent }) => triggeringEvent?.type.startsWith("ui:");
function mustWait(request) {
  const { elt } = request;
  const writing = document.activeElement?.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
  return isBeat(request) && (elt.querySelector(":popover-open, dialog[open], tbody input:checked")
    || elt.parentElement?.querySelector(":active") || (writing && elt.contains(document.activeElement)));
}
document.addEventListener("htmx:beforeRequest", (event) => {
  if (mustWait(event.detail.requestConfig)) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (mustWait(detail.requestConfig)) detail.shouldSwap = false;
});

// A swap must lose neither the letters typed meanwhile nor the place of the focus.
let kept = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const active = document.activeElement;
  kept = event.detail.target?.contains(active) && active !== document.body
    ? { find: path(active), value: active.matches("[type=search]") ? active.value : null } : null;
});
document.addEventListener("htmx:afterSwap", () => {
  const element = kept?.find && document.querySelector(kept.find);
  if (!element) return;
  if (document.activeElement === document.body) element.focus({ preventScroll: true });
  if (kept.value !== null && element.value !== kept.value) {
    element.value = kept.value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }
  kept = null;
});

function path(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const host = element.closest("[id]");
  for (const name of ["href", "aria-label", "name"]) {
    const value = element.getAttribute(name);
    if (host && value) return `#${CSS.escape(host.id)} [${name}="${CSS.escape(value)}"]`;
  }
  return "";
}
