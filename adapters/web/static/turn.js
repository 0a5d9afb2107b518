// One question with its answer. Text from people and models reaches the document as text; the one
// exception are the blocks of `showBlocks`, which the server made from a parsed tree and in which
// nothing can act.

import { action, call, make, memory, say, words } from "./dom.js";
import { state } from "./state.js";

const MARK = /\[(\d{1,3})\]/g;

export class TurnView {
  // `acts`: what its buttons do beyond the turn itself.
  constructor(question, acts) {
    this.acts = acts;
    this.id = "";
    this.question = question;
    this.text = "";
    this.citations = [];
    this.asked = make("div", { class: "question" });
    this.body = make("div", { class: "answer" });
    this.status = make("p", { class: "status" });
    this.sources = make("section", { class: "sources", hidden: true });
    this.actions = make("div", { class: "actions" });
    this.root = make("article", { class: "turn" }, this.asked, this.body, this.status, this.sources, this.actions);
    this.showQuestion();
    this.showStatus("");
  }

  showQuestion() {
    this.asked.replaceChildren(make("p", { "aria-label": `${words.you}: ${this.question}` }, this.question));
    if (this === state.turns.at(-1) && !state.running && this.id) this.asked.append(action("edit", () => this.edit()));
  }

  showStatus(text, trouble = false) {
    this.status.hidden = !text;
    this.status.textContent = text;
    this.status.classList.toggle("trouble", trouble);
  }

  showBlocks(from, blocks) {
    while (this.body.children.length > from) this.body.lastChild.remove();
    for (const html of blocks) {
      const block = make("div");
      block.innerHTML = html;
      for (const link of block.querySelectorAll("a")) link.setAttribute("rel", "noopener noreferrer nofollow");
      this.body.append(block);
    }
    this.linkMarks();
  }

  showCitations(citations) {
    this.citations = citations;
    this.sources.hidden = citations.length === 0;
    const list = make("ol");
    for (const c of citations) {
      const name = make("span", { class: "name" }, c.title || c.source);
      const source = safeLink(c.source) ? make("a", { href: c.source, target: "_blank", rel: "noopener noreferrer nofollow" }, c.source) : c.source;
      list.append(make("li", { "data-number": c.number, tabindex: "-1" }, make("b", {}, String(c.number)), name, make("q", {}, c.quote), make("cite", {}, source)));
    }
    this.sources.replaceChildren(make("h2", {}, words.sources), list);
    this.linkMarks();
  }

  // `[1]` in the text becomes a link to the source below it; code and links stay as they are.
  linkMarks() {
    const numbers = new Set(this.citations.map((c) => c.number));
    if (numbers.size === 0) return;
    const walker = document.createTreeWalker(this.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement.closest("a, code, pre") && walker.currentNode.data.includes("[")) found.push(walker.currentNode);
    }
    for (const node of found) {
      const pieces = node.data.split(MARK);
      if (pieces.length === 1) continue;
      node.replaceWith(...pieces.map((piece, i) => (i % 2 === 0 ? piece : numbers.has(Number(piece)) ? this.mark(Number(piece)) : `[${piece}]`)));
    }
  }

  mark(number) {
    const target = () => this.sources.querySelector(`[data-number="${number}"]`);
    return make("a", { class: "mark", href: "#", "aria-label": `${words.sources} ${number}`, onclick: (event) => {
      event.preventDefault();
      for (const other of this.sources.querySelectorAll(".here")) other.classList.remove("here");
      target().classList.add("here");
      target().scrollIntoView({ block: "nearest" });
      target().focus({ preventScroll: true });
    } }, String(number));
  }

  showActions() {
    this.actions.replaceChildren();
    if (!this.id || this === state.running) return;
    const copy = action("copy", async () => {
      await navigator.clipboard.writeText(this.text);
      say(words.copied);
    });
    const votes = memory.get("votes") ?? {};
    const vote = (name, value) => {
      const button = action(name, () => this.vote(value));
      button.setAttribute("aria-pressed", String(votes[this.id] === value));
      return button;
    };
    this.actions.append(copy);
    if (this === state.turns.at(-1)) this.actions.append(action("retry", () => this.acts.again(this)));
    this.actions.append(vote("good", 1), vote("bad", -1));
  }

  async vote(value) {
    const votes = memory.get("votes") ?? {};
    const next = votes[this.id] === value ? 0 : value;
    const response = await call("POST", `/api/v1/chat/${this.id}/feedback`, { value: next }).catch(() => null);
    if (!response?.ok) return say(words.failed);
    memory.set("votes", Object.fromEntries(Object.entries({ ...votes, [this.id]: next }).filter(([, v]) => v).slice(-200)));
    this.showActions();
  }

  edit() {
    const input = make("textarea", { rows: "3", maxlength: "100000", "aria-label": words.edit });
    input.value = this.question;
    const save = make("button", { type: "submit", class: "primary" }, words.save);
    const form = make("form", {}, input, make("button", { type: "button", onclick: () => this.showQuestion() }, words.cancel), save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text) this.acts.change(this, text);
    });
    this.asked.replaceChildren(form);
    input.focus();
  }

  refresh() {
    this.showQuestion();
    this.showActions();
  }
}

function safeLink(source) {
  try {
    return ["http:", "https:"].includes(new URL(source).protocol);
  } catch {
    return false;
  }
}
