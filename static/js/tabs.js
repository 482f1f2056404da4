// ARIA tabs: arrow keys, the hash keeps the place, a panel with data-src is fetched when first opened.
class Tabs extends HTMLElement {
  connectedCallback() {
    this.tabs = [...this.querySelector("[role=tablist]").children];
    this.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]");
      if (tab) this.show(tab);
    });
    this.addEventListener("keydown", (event) => this.move(event));
    const wanted = location.hash && this.tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash);
    if (wanted) this.show(wanted);
  }

  move(event) {
    const now = this.tabs.indexOf(event.target);
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
    if (now < 0 || to === undefined) return;
    event.preventDefault();
    const tab = this.tabs.at(to % this.tabs.length);
    tab.focus();
    this.show(tab);
  }

  show(tab) {
    for (const other of this.tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", chosen);
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    const panel = document.getElementById(tab.getAttribute("aria-controls"));
    history.replaceState(history.state, "", `#${panel.id}`);
    if (panel.dataset.src) {
      htmx.ajax("GET", panel.dataset.src, { target: panel, swap: "innerHTML" });
      delete panel.dataset.src;
    }
  }
}

customElements.define("d-tabs", Tabs);
