// One question with its answer. Text from people and models reaches the document as text; the one
// exception are the blocks of `showBlocks`, which the server made from a parsed tree and in which
// nothing can act.

import { picture } from "./attach.js";
import { action, call, cleaned, copyText, make, say, words } from "./dom.js";
import { morph } from "./morph.js";
import { openPassage, plainly, sourceOf } from "./passage.js";
import { state } from "./state.js";
import { tellTabs } from "./tabs.js";
import { Thoughts } from "./thoughts.js";
import { whyForm } from "./why.js";

const CUT = ["length", "cancelled"];  // ends after which there may be more to say
const PATIENCE = 25000;  // with a vote of which nothing is heard
const MARK = /\[(\d{1,3})\]/g;

export class TurnView {
  // `acts`: what its buttons do beyond the turn itself; `files`: what came with the question.
  constructor(question, acts, files) {
    this.acts = acts;
    this.files = files;
    this.id = "";
    this.waits = false;
    this.fate = "";
    this.reason = "";
    this.rated = 0;
    this.ratedAt = 0;
    this.rating = Promise.resolve();
    this.question = question;
    this.text = "";
    this.doing = "";
    this.citations = [];
    this.asked = make("div", { class: "question" });
    this.thoughts = new Thoughts();
    this.body = make("div", { class: "answer" });
    this.status = make("p", { class: "status" });
    this.sources = make("section", { class: "sources", hidden: true });
    this.actions = make("div", { class: "actions" });
    this.why = make("div", { class: "reasons" });
    this.root = make("article", { class: "turn" }, this.asked, this.thoughts.root, this.body, this.status, this.sources, this.actions, this.why);
    this.showQuestion();
    this.showStatus("");
  }

  // What is shown already stays: a selection in it, and a press that has begun.
  showQuestion() {
    const offer = !this.id || state.running ? "" : this.mayChange() ? "edit" : "reuse";
    const look = JSON.stringify([this.question, offer]);
    if (this.look === look) return;
    this.look = look;
    const said = [make("span", { class: "unseen" }, `${words.you}:`), make("p", {}, this.question)];
    const brought = make("div", { class: "brought" }, ...this.files.map(picture));
    this.asked.replaceChildren(...(this.files.length ? [brought] : []), ...(this.question ? said : []));
    if (offer === "edit") this.asked.append(action("edit", () => this.edit()));
    else if (offer && this.question) this.asked.append(action("reuse", () => this.acts.reuse(this.question)));
  }

  // The last alone, and neither while a person answers here nor where a question was kept for one.
  mayChange() {
    return this === state.turns.at(-1) && Boolean(this.id) && !this.waits && !state.staff && !state.running;
  }

  showStatus(text, trouble = false) {
    this.status.hidden = !text;
    this.status.textContent = text;
    this.status.classList.toggle("trouble", trouble);
  }

  // Nothing of the answer is there yet, or no more of it. Where thoughts are, their line says so, unless something
  // else is being done.
  showWaiting() {
    this.showStatus(this.doing || (this.thoughts.going ? "" : words.thinking));
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
      list.append(make("li", { "data-number": c.number }, make("b", {}, String(c.number)), name, make("q", {}, ...plainly(c.quote)), make("cite", {}, sourceOf(c.source))));
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

  // A question that was kept for a person has an end and no answer, and a fate.
  showEnd(reason, fate = reason === "taken" ? "waits" : "") {
    this.fate = fate;
    this.reason = reason;
    this.waits = Boolean(fate) && !this.text;
    const kept = fate === "waits" ? this.waits && words.taken : words[`taken.${fate}`];
    this.showStatus(kept || (words[`end.${reason}`] ?? ""));
    this.status.classList.toggle("over", CUT.includes(reason) || ["later", "unanswered"].includes(fate));
  }

  // The answer's words for those who listen, without what its buttons say.
  spoken() {
    const body = this.body.cloneNode(true);
    body.querySelectorAll("figcaption").forEach((part) => part.remove());
    body.querySelectorAll(".mark").forEach((mark) => mark.replaceWith(`[${mark.textContent}]`));
    return [...body.children].map((block) => block.textContent.trim()).join("\n");
  }

  // Buttons that are there stay, so that a press that has begun reaches them.
  showActions() {
    const now = this.offered(), same = [...this.actions.children];
    if (now.length !== same.length || now.some((button, place) => button.dataset.do !== same[place].dataset.do)) this.actions.replaceChildren(...now);
    for (const [name, value] of [["good", 1], ["bad", -1]]) {
      this.actions.querySelector(`[data-do=${name}]`)?.setAttribute("aria-pressed", String(this.rated === value));
    }
  }

  offered() {
    if (!this.id || this.waits || this === state.running) return [];
    const buttons = [action("copy", () => copyText(this.markdown()))];
    if (this.mayChange()) buttons.push(action("retry", () => this.acts.again(this)));
    buttons.push(action("good", () => this.vote(1)), action("bad", () => this.vote(-1)));
    if (this.mayChange() && CUT.includes(this.reason) && this.text) {
      buttons.push(make("button", { type: "button", class: "on", "data-do": "go-on", onclick: () => this.acts.goOn() }, words["go.on"]));
    }
    return buttons;
  }

  // The answer with what its marks stand for.
  markdown() {
    const sources = this.citations.map((c) => `[${c.number}] ${[c.title, c.source].filter(Boolean).join(" · ")}`);
    return [this.text, sources.join("\n")].filter(Boolean).join("\n\n");
  }

  // One after the other, so that the last press counts.
  rateNext(act) {
    this.rating = this.rating.then(act);
  }

  vote(value) {
    const { id } = this, shown = () => state.turns.find((turn) => turn.id === id);
    this.rateNext(async () => {
      const next = (shown() ?? this).rated === value ? 0 : value;
      if (!(await this.rate(id, next))) return;
      tellTabs("vote", { id, value: next });
      // the page may have been told more of this turn meanwhile, and show it anew, or another in its place
      shown()?.voted(next);
    });
  }

  voted(value) {
    this.showVote(value);
    if (!value) return;
    const { id } = this, form = whyForm(value, (reason) => this.explain(form, id, value, reason), () => this.settle(form));
    this.why.replaceChildren(form);
    this.why.scrollIntoView({ block: "nearest" });
  }

  // Of an answer that has another vote now, nobody is asked why it had the one before.
  showVote(value) {
    if (value !== this.rated) this.why.replaceChildren();
    this.rated = value;
    this.ratedAt = performance.now();
    this.showActions();
  }

  async rate(id, value, reason = "") {
    const response = await call("POST", `/api/v1/chat/${id}/feedback`, { value, reason }, AbortSignal.timeout(PATIENCE)).catch(() => null);
    if (!response?.ok) say(words.failed);
    return Boolean(response?.ok);
  }

  explain(form, id, value, reason) {
    this.rateNext(async () => {
      if (!(await this.rate(id, value, reason))) return;
      this.settle(form);
      say(words["why.thanks"]);
    });
  }

  settle(form) {
    const within = form.contains(document.activeElement);
    form.remove();
    if (within) this.actions.querySelector("[aria-pressed=true]")?.focus();
  }

  edit(text = this.question) {
    if (!this.id || state.running) return;
    const input = make("textarea", { rows: "3", maxlength: "100000", "aria-label": words.edit });
    input.value = text;
    const save = make("button", { type: "submit", class: "primary" }, words.save);
    const form = make("form", {}, input, make("button", { type: "button", onclick: () => this.unedit() }, words.cancel), save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (cleaned(input.value).trim()) this.acts.change(this, input.value);
    });
    form.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        this.unedit();
      }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    this.look = "";
    this.asked.replaceChildren(form);
    input.focus();
    input.scrollIntoView({ block: "nearest" });
  }

  unedit() {
    this.showQuestion();
    this.asked.querySelector("[data-do]")?.focus();
  }

  // What is being written in the question's place and was not said; "" if nothing.
  unsaid() {
    const written = cleaned(this.asked.querySelector("textarea")?.value ?? "").trim();
    return written === this.question ? "" : written;
  }

  // New words for the last question stay while they are being written. When it cannot be changed any more they go to
  // the composer.
  refresh() {
    const writing = this.asked.querySelector("form") && this === state.turns.at(-1) && !state.running;
    const unsaid = writing ? "" : this.unsaid();
    if (!writing) this.showQuestion();
    if (unsaid) this.acts.reuse(unsaid);
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
  await copyText(button.closest("figure").querySelector("code").textContent);
}
