// Places a popover beside its button where the browser cannot do it by CSS.
const GAP = 4;

export function place(menu, button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`)) {
  if (!button) return;
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const start = menu.matches(".menu--start, .options") ? at.left : at.right - width;
  const below = at.bottom + GAP;
  menu.style.left = `${Math.max(GAP, Math.min(start, innerWidth - width - GAP))}px`;
  menu.style.top = `${below + height > innerHeight && at.top > height ? at.top - height - GAP : below}px`;
}
