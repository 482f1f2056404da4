// The composer: a rich editor once someone writes, files by button, drop and paste, ready again after sending.
// Without it the same form works with a plain text box and a file field.

const LOADING = new Map();

// One copy of the editor for all composers of the page, fetched when the first of them gets focus.
function library(url) {
  if (!LOADING.has(url)) LOADING.set(url, import(url));
  return LOADING.get(url);
}

// Plain text, as it was typed before the editor came, as a document of the editor.
function documentOf(text) {
  const paragraph = (line) => ({ type: "paragraph", content: line ? [{ type: "text", text: line }] : [] });
  return { type: "doc", content: text.split("\n").map(paragraph) };
}

function linkTo(address) {
  const text = address.trim();
  if (!text) return "";
  if (/^(https?:\/\/|mailto:|tel:)/i.test(text)) return text;
  return text.includes("@") ? `mailto:${text}` : `https://${text}`;
}

class Composer extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form.composer");
    if (!this.form || this.editor) return;
    this.textarea = this.form.querySelector("textarea");
    this.uploads = this.form.querySelector(".composer__uploads");
    this.errors = this.form.querySelector(".composer__errors");
    this.link = this.form.querySelector(".composer__link");
    this.pending = new Set();
    this.placeholder = this.textarea.placeholder;
    this.listen();
    this.describe();
  }

  disconnectedCallback() {
    removeEventListener("beforeunload", this.guard);
    this.editor?.destroy();
    this.editor = null;
  }

  listen() {
    const { form } = this;
    this.textarea.addEventListener("focus", () => this.load(), { once: true });
    this.addEventListener("change", (event) => {
      if (event.target.name === "kind") this.turn();
      if (event.target.type === "file") this.take(event.target);
    });
    this.addEventListener("click", (event) => this.clicked(event));
    form.addEventListener("keydown", (event) => this.pressed(event));
    form.addEventListener("paste", (event) => this.pasted(event));
    form.addEventListener("submit", (event) => this.beforeSending(event), true);
    form.addEventListener("htmx:afterRequest", (event) => {
      // A refused form is "successful" too: its errors were swapped in. And when the "To" line has replaced
      // itself, htmx tells of its request here: only what was posted was sent.
      const { requestConfig, xhr } = event.detail;
      if (event.target === form && requestConfig.verb === "post" && xhr.status < 300) this.clear();
    });
    form.addEventListener("htmx:responseError", (event) => {
      const { status, responseText } = event.detail.xhr;
      if (event.target !== form || status !== 413 || !responseText) return;
      event.stopPropagation();
      this.complain(responseText);
    });
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) this.addEventListener(name, (event) => this.dragged(event));
    this.guard = (event) => {
      if (this.isDirty) event.preventDefault();
    };
    addEventListener("beforeunload", this.guard);
  }

  get isNote() {
    return this.querySelector("input[name=kind]:checked")?.value === "note";
  }

  get isDirty() {
    return Boolean(this.textarea.value.trim() || this.uploads.querySelector("input[name=attachments]"));
  }

  // ---- the editor ----

  async load() {
    const { Editor, Document, Paragraph, Text, Bold, Italic, BulletList, OrderedList, ListItem, Blockquote, HardBreak, Link, Placeholder, UndoRedo } =
      await library(this.dataset.editor);
    if (!this.isConnected || this.editor) return;
    const hadFocus = document.activeElement === this.textarea;
    const box = document.createElement("div");
    box.className = "composer__editor prose";
    this.textarea.after(box);
    this.editor = new Editor({
      element: box,
      injectCSS: false,
      content: documentOf(this.textarea.value),
      extensions: [
        Document, Paragraph, Text, Bold, Italic, BulletList, OrderedList, ListItem, Blockquote, HardBreak, UndoRedo,
        // Ctrl+K is the palette of the whole page; the package would open a dialog of its own.
        Link.extend({ addKeyboardShortcuts: () => ({}) }).configure({ openOnClick: false, autolink: true }),
        Placeholder.configure({ placeholder: () => this.textarea.placeholder }),
      ],
      editorProps: {
        attributes: {
          role: "textbox",
          "aria-multiline": "true",
          "aria-label": this.form.querySelector(`label[for="${this.textarea.id}"]`).textContent,
          "aria-describedby": this.errors.id,
        },
        // Files are ours, wherever in the editor they land.
        handlePaste: (_view, event) => Boolean(event.clipboardData?.files.length),
        handleDrop: (_view, event) => Boolean(event.dataTransfer?.files.length),
      },
      onUpdate: () => this.copyDown(),
      onTransaction: () => this.showPressed(),
    });
    this.form.elements.written_as.value = "html";
    this.textarea.hidden = true;
    this.copyDown();
    if (hadFocus) this.editor.commands.focus("end");
  }

  // The text box is what the form sends.
  copyDown() {
    this.textarea.value = this.editor.isEmpty ? "" : this.editor.getHTML();
  }

  showPressed() {
    for (const button of this.form.querySelectorAll("[data-command]")) {
      button.setAttribute("aria-pressed", String(this.editor.isActive(button.dataset.command)));
    }
  }

  focusText() {
    if (this.editor) this.editor.commands.focus();
    else this.textarea.focus();
  }

  async command(name) {
    await this.load();
    if (name === "link") return this.openLink();
    const chain = this.editor.chain().focus();
    if (name === "bold") chain.toggleBold().run();
    if (name === "italic") chain.toggleItalic().run();
    if (name === "bulletList") chain.toggleBulletList().run();
    return true;
  }

  openLink() {
    const input = this.link.querySelector("input");
    this.link.hidden = false;
    input.value = this.editor.getAttributes("link").href ?? "";
    input.focus();
    return true;
  }

  setLink(address) {
    const chain = this.editor.chain().focus().extendMarkRange("link");
    const { from, to } = this.editor.state.selection;
    if (!address) chain.unsetLink().run();
    else if (from === to && !this.editor.isActive("link")) {
      chain.insertContent({ type: "text", text: address, marks: [{ type: "link", attrs: { href: address } }] }).run();
    } else chain.setLink({ href: address }).run();
    this.link.hidden = true;
  }

  // ---- keys and buttons ----

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.command) this.command(button.dataset.command);
    if (button.dataset.link) this.setLink(button.dataset.link === "set" ? linkTo(this.link.querySelector("input").value) : "");
    if ("remove" in button.dataset) {
      const line = button.closest(".composer__upload");
      line.request?.abort();
      line.remove();
      this.focusText();
    }
  }

  pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "Enter" && this.link.contains(event.target)) {
      event.preventDefault();
      this.setLink(linkTo(event.target.value));
    } else if (event.key === "Escape" && !this.link.hidden) {
      event.stopPropagation();
      this.link.hidden = true;
      this.focusText();
    } else if (event.key === "Backspace" && event.target.matches(".recipients input:not([type=hidden])") && !event.target.value) {
      const removers = this.form.querySelectorAll(`.recipients__line--${this.isNote ? "note" : "message"} .chip__remove`);
      [...removers].at(-1)?.click();
    }
  }

  turn() {
    this.describe();
    this.focusText();
  }

  describe() {
    this.textarea.placeholder = this.isNote ? this.textarea.dataset.note : this.placeholder;
    // An empty transaction makes the editor draw its placeholder anew.
    this.editor?.view.dispatch(this.editor.state.tr);
  }

  beforeSending(event) {
    this.errors.replaceChildren();
    if (!this.pending.size) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.complain(this.dataset.wait);
  }

  clear() {
    this.editor?.commands.clearContent();
    this.textarea.value = "";
    this.uploads.replaceChildren();
    this.errors.replaceChildren();
    this.link.hidden = true;
    this.focusText();
  }

  complain(text) {
    const line = document.createElement("p");
    line.className = "field-error";
    line.textContent = text;
    this.errors.append(line);
  }

  // ---- files ----

  take(input) {
    // Uploaded one by one, with progress; the field is emptied so that the form does not send them again.
    this.send([...input.files]);
    input.value = "";
  }

  pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.send(files);
  }

  dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const left = event.type === "dragleave" && !this.contains(event.relatedTarget);
    this.toggleAttribute("data-dropping", event.type !== "drop" && !left);
    if (event.type === "drop") this.send([...event.dataTransfer.files]);
  }

  send(files) {
    this.errors.replaceChildren();
    for (const file of files) {
      const { limit, together, tooLarge, tooMuch } = this.dataset;
      if (file.size > Number(limit)) this.complain(tooLarge.replace("{name}", file.name));
      else if (this.weight + file.size > Number(together)) this.complain(tooMuch.replace("{name}", file.name));
      else this.upload(file);
    }
  }

  // Of all files that are attached, or on their way.
  get weight() {
    return [...this.uploads.children].reduce((sum, line) => sum + Number(line.dataset.size), 0);
  }

  upload(file) {
    const line = document.createElement("div");
    line.className = "composer__upload";
    line.dataset.size = file.size;
    line.append(this.form.querySelector(".composer__progress").content.cloneNode(true));
    line.querySelector(".cut").textContent = file.name;
    this.uploads.append(line);
    const progress = line.querySelector("progress");
    const request = new XMLHttpRequest();
    const data = new FormData();
    data.append("files", file, file.name || "image.png");
    line.request = request;
    request.open("POST", this.dataset.upload);
    request.setRequestHeader("X-CSRFToken", document.body.dataset.csrf);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = (100 * event.loaded) / event.total;
    });
    request.addEventListener("loadend", () => this.uploaded(request, line, file));
    this.pending.add(request);
    request.send(data);
  }

  uploaded(request, line, file) {
    this.pending.delete(request);
    if (!line.isConnected) return;
    if (request.status === 201) {
      const holder = document.createElement("template");
      holder.innerHTML = request.responseText;
      line.replaceWith(holder.content);
      return;
    }
    line.remove();
    const told = [413, 422].includes(request.status) && request.responseText;
    this.complain(told || this.dataset.notSent.replace("{name}", file.name));
  }
}

customElements.define("d-composer", Composer);
