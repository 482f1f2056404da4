// The frame of a mail's own HTML: as high as what it shows.
class Frame extends HTMLElement {
  connectedCallback() {
    const frame = this.querySelector("iframe");
    const fit = () => {
      const page = frame.contentDocument?.documentElement;
      if (!page) return;
      frame.style.height = "auto";
      frame.style.height = `${page.scrollHeight + 2}px`;
    };
    frame.addEventListener("load", fit);
    new ResizeObserver(([entry]) => {
      if (entry.contentRect.width !== this.seen) fit();
      this.seen = entry.contentRect.width;
    }).observe(this);
  }
}

customElements.define("d-frame", Frame);
