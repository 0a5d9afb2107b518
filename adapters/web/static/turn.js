// One question with its answer. Text from people and models reaches the document as text; the one
// exception are the blocks of `showBlocks`, which the server made from a parsed tree and in which
// nothing can act.

import { picture } from "./attach.js";
import { action, call, make, memory, say, words } from "./dom.js";
import { morph } from "./morph.js";
import { openPassage, sourceOf } from "./passage.js";
import { state } from "./state.js";
import { whyForm } from "./why.js";

const MARK = /\[(\d{1,3})\]/g;

export class TurnView {
  // `acts`: what its buttons do beyond the turn itself; `files`: what came with the question.
  constructor(question, acts, files) {
    this.acts = acts;
    this.files = files;
    this.id = "";
    this.waits = false;
    this.question = question;
    this.text = "";
    this.citations = [];
    this.asked = make("div", { class: "question" });
    this.body = make("div", { class: "answer" });
    this.status = make("p", { class: "status" });
    this.sources = make("section", { class: "sources", hidden: true });
    this.actions = make("div", { class: "actions" });
    this.why = make("div", { class: "reasons" });
    this.root = make("article", { class: "turn" }, this.asked, this.body, this.status, this.sources, this.actions, this.why);
    this.showQuestion();
    this.showStatus("");
  }

  showQuestion() {
    const said = [make("span", { class: "unseen" }, `${words.you}:`), make("p", {}, this.question)];
    const brought = make("div", { class: "brought" }, ...this.files.map(picture));
    this.asked.replaceChildren(...(this.files.length ? [brought] : []), ...(this.question ? said : []));
    if (this === state.turns.at(-1) && !state.running && this.id) this.asked.append(action("edit", () => this.edit()));
  }

  showStatus(text, trouble = false) {
    this.status.hidden = !text;
    this.status.textContent = text;
    this.status.classList.toggle("trouble", trouble);
  }

  // Blocks before `from` stay untouched, and of the others what is the same.
  showBlocks(from, blocks) {
    blocks.forEach((html, place) => {
      const block = make("div");
      block.innerHTML = html;
      dress(block);
      const now = this.body.children[from + place];
      if (now) morph(now, block);
      else this.body.append(block);
    });
    while (this.body.children.length > from + blocks.length) this.body.lastChild.remove();
    this.linkMarks();
  }

  showCitations(citations) {
    this.citations = citations;
    this.sources.hidden = citations.length === 0;
    const list = make("ol");
    for (const c of citations) {
      const name = make("button", { type: "button", class: "name", onclick: () => openPassage(this, c.number) }, c.title || c.source);
      list.append(make("li", { "data-number": c.number }, make("b", {}, String(c.number)), name, make("q", {}, c.quote), make("cite", {}, sourceOf(c.source))));
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
      if (!walker.currentNode.parentElement.closest("a, button, code, pre, .math") && walker.currentNode.data.includes("[")) found.push(walker.currentNode);
    }
    for (const node of found) {
      const pieces = node.data.split(MARK);
      if (pieces.length === 1) continue;
      node.replaceWith(...pieces.map((piece, i) => (i % 2 === 0 ? piece : numbers.has(Number(piece)) ? this.mark(Number(piece)) : `[${piece}]`)));
    }
  }

  mark(number) {
    const title = this.citations.find((c) => c.number === number).title;
    return make("button", { type: "button", class: "mark", "aria-label": `${words.source} ${number}: ${title}`, onclick: () => openPassage(this, number) }, String(number));
  }

  // A question that is kept for a person to answer has an end, and no answer yet.
  showEnd(reason) {
    this.waits = reason === "taken" && !this.text;
    this.showStatus(this.waits ? words.taken : "");
  }

  showActions() {
    this.actions.replaceChildren();
    if (!this.id || this.waits || this === state.running) return;
    const copy = action("copy", async () => {
      await navigator.clipboard.writeText(this.markdown());
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

  // The answer with what its marks stand for.
  markdown() {
    const sources = this.citations.map((c) => `[${c.number}] ${[c.title, c.source].filter(Boolean).join(" · ")}`);
    return [this.text, sources.join("\n")].filter(Boolean).join("\n\n");
  }

  async vote(value) {
    const votes = memory.get("votes") ?? {};
    const next = votes[this.id] === value ? 0 : value;
    if (!(await this.rate(next))) return;
    memory.set("votes", Object.fromEntries(Object.entries({ ...votes, [this.id]: next }).filter(([, v]) => v).slice(-200)));
    this.showActions();
    this.why.replaceChildren(...(next ? [whyForm(next, (reason) => this.explain(next, reason), () => this.settled())] : []));
    this.why.scrollIntoView({ block: "nearest" });
  }

  async rate(value, reason = "") {
    const response = await call("POST", `/api/v1/chat/${this.id}/feedback`, { value, reason }).catch(() => null);
    if (!response?.ok) say(words.failed);
    return Boolean(response?.ok);
  }

  async explain(value, reason) {
    if (!(await this.rate(value, reason))) return;
    this.settled();
    say(words["why.thanks"]);
  }

  settled() {
    this.why.replaceChildren();
    this.actions.querySelector("[aria-pressed=true]")?.focus();
  }

  edit() {
    if (!this.id || state.running) return;
    const input = make("textarea", { rows: "3", maxlength: "100000", "aria-label": words.edit });
    input.value = this.question;
    const save = make("button", { type: "submit", class: "primary" }, words.save);
    const form = make("form", {}, input, make("button", { type: "button", onclick: () => this.showQuestion() }, words.cancel), save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text) this.acts.change(this, text);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.showQuestion();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    this.asked.replaceChildren(form);
    input.focus();
    input.scrollIntoView({ block: "nearest" });
  }

  refresh() {
    this.showQuestion();
    this.showActions();
  }
}

// Links open beside the chat, and code can be copied.
function dress(block) {
  for (const link of block.querySelectorAll("a")) {
    link.setAttribute("rel", "noopener noreferrer nofollow");
    link.setAttribute("target", "_blank");
  }
  for (const label of block.querySelectorAll("figure.code figcaption")) {
    label.append(make("button", { type: "button", "data-do": "copy-code", title: words["copy.code"] }, words.copy));
  }
}

export async function copyCode(event) {
  const button = event.target.closest("[data-do=copy-code]");
  if (!button) return;
  await navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent);
  say(words.copied);
}
