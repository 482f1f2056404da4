// The theme changes at once, and nothing that is written on the page is lost.
export function choose(form, button) {
  const theme = button.value;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const other of document.querySelectorAll("[name=theme][aria-pressed]")) {
    other.setAttribute("aria-pressed", other.value === theme);
  }
  const body = new FormData(form, button);
  fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRFToken": document.body.dataset.csrf } });
}
