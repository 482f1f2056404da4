// Dialogs: opened by what says data-opens, closed by Esc, by the backdrop and by data-closes; the focus returns by itself.
const dirty = (dialog) => dialog.querySelector("form[data-changed]");

export function open(id, opener) {
  const dialog = document.getElementById(id);
  if (!dialog) {
    // The words of the page without script; its link still leads there.
    if (opener?.href) location.assign(opener.href);
    return;
  }
  watch(dialog);
  const source = opener?.dataset.src;
  if (source) htmx.ajax("GET", source, { target: dialog.querySelector(".dialog__body"), swap: "innerHTML" });
  if (id === "help") prepareHelp(dialog);
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("d:open", { bubbles: true }));
}

function watch(dialog) {
  if (dialog.watched) return;
  dialog.watched = true;
  let pressed = null; // a selection that ends on the backdrop does not close
  dialog.addEventListener("pointerdown", (event) => { pressed = event.target; });
  dialog.addEventListener("click", (event) => {
    const outside = event.target === dialog && pressed === dialog;
    if (event.target.closest("[data-closes]") || (outside && !dirty(dialog))) dialog.close();
  });
  dialog.addEventListener("cancel", (event) => { if (dirty(dialog)) event.preventDefault(); });
}

// A question: true when the answer is yes.
export function ask(question, asker) {
  const dialog = document.getElementById("confirm");
  const yes = dialog.querySelector("[data-yes]");
  const danger = asker.dataset.confirmTone === "danger";
  dialog.querySelector("#confirm-text").textContent = question;
  yes.firstElementChild.textContent = asker.dataset.confirmAction || yes.dataset.text;
  yes.classList.toggle("btn--danger-solid", danger);
  yes.classList.toggle("btn--primary", !danger);
  dialog.returnValue = "";
  watch(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function prepareHelp(dialog) {
  const letters = dialog.querySelector("[data-letters]");
  letters.checked = localStorage.getItem("letters") !== "off";
  letters.onchange = () => localStorage.setItem("letters", letters.checked ? "on" : "off");
}
