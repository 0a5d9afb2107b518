// The playground: asks one side, or both, and shows the answers as they grow. All of it is only here.

import { events } from "../events.js";
import { csrf } from "./console.js";

const form = document.getElementById("playground");
const words = JSON.parse(form.dataset.words);
const part = (name) => form.querySelector(`[data-${name}]`);
const number = new Intl.NumberFormat(document.documentElement.lang);

function make(kind, name, text = "") {
  const node = document.createElement(kind);
  node.className = name;
  node.textContent = text;
  return node;
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? "–");
}

// One answer in the log of its side.
class Answer {
  constructor(log, question) {
    this.log = log;
    this.text = "";
    this.thought = null;
    this.body = make("div", "answer raw");
    this.foot = make("p", "figures", words.waiting);
    log.querySelector(".nothing")?.remove();
    log.append(make("p", "asked", question), this.body, this.foot);
    log.scrollTop = log.scrollHeight;
  }

  take(name, data) {
    const end = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    const seen = this.log.getBoundingClientRect().bottom < innerHeight;
    if (name === "text" || name === "thought") this.foot.textContent = "";
    if (name === "text") this.write(data.text);
    else if (name === "thought") this.think(data.text);
    else if (name === "html") this.blocks(data.from, data.blocks);
    else if (name === "error") this.fail(data.message, data.detail);
    else if (name === "end") this.end(data);
    if (end) this.log.scrollTop = this.log.scrollHeight;
    if (end && seen) this.log.scrollIntoView({ block: "nearest" });
  }

  write(text) {
    if (this.body.classList.contains("raw")) this.body.textContent += text;
    this.text += text;
  }

  think(text) {
    if (!this.thought) {
      const box = make("details", "thought");
      box.append(make("summary", "", words.thinking), make("p", ""));
      this.body.before(box);
      this.thought = box.lastChild;
    }
    this.thought.textContent += text;
  }

  // The server made these blocks from a parsed tree; nothing a model wrote is HTML.
  blocks(from, blocks) {
    if (this.body.classList.replace("raw", "dressed")) this.body.textContent = "";
    while (this.body.children.length > from) this.body.lastElementChild.remove();
    for (const html of blocks) {
      const block = document.createElement("div");
      block.innerHTML = html;
      this.body.append(block);
    }
  }

  fail(message, detail) {
    const box = make("div", "notice bad");
    const inner = document.createElement("div");
    inner.append(make("p", "", message));
    if (detail) inner.append(make("p", "soft", detail));
    box.append(inner);
    this.foot.before(box);
  }

  end(figures) {
    const shown = { ...figures };
    for (const key of ["prompt", "completion", "cached", "rate", "first"]) shown[key] = figures[key] === null ? null : number.format(figures[key]);
    const said = figures.first === null ? [] : [filled(words.figures, shown)];
    if (figures.cached) said.push(filled(words.cached, shown));
    if (figures.finish === "length") said.push(words.length);
    this.foot.textContent = said.join(" · ");
  }
}

// One side: what it is set to, and what was said there.
class Side {
  constructor(node) {
    this.node = node;
    this.id = node.dataset.side;
    this.log = node.querySelector(".log");
    this.messages = [];
    this.field("persona").addEventListener("change", () => this.become());
    this.field("model").addEventListener("change", () => this.tell());
    this.become();
  }

  field(name) {
    return form.elements[`${this.id}.${name}`];
  }

  become() {
    const chosen = this.field("persona").value;
    const { prompt, model, sampling } = chosen ? JSON.parse(chosen) : { prompt: "", model: "", sampling: {} };
    this.field("prompt").value = prompt;
    const select = this.field("model");
    select.value = model;
    if (select.selectedIndex < 0) select.value = "";
    for (const knob of this.node.querySelectorAll("[data-knob]")) {
      const value = sampling[knob.dataset.knob];
      knob.value = Array.isArray(value) ? value.join("\n") : value ?? "";
    }
    this.tell();
  }

  // What a folded form says of itself.
  tell() {
    const [model, persona] = ["model", "persona"].map((name) => this.field(name).selectedOptions[0]);
    const chosen = this.field("persona").value ? [persona, model] : [model];
    this.node.querySelector("[data-chosen]").textContent = chosen.map((one) => one.textContent).join(" · ");
  }

  // On a phone there is room for the answers alone.
  fold(folded) {
    this.node.querySelector(".setup").open = !folded;
  }

  sampling() {
    const found = {};
    for (const knob of this.node.querySelectorAll("[data-knob]")) {
      if (knob.localName === "textarea") {
        const entries = knob.value.split("\n").filter(Boolean);
        if (entries.length) found[knob.dataset.knob] = entries;
      } else if (knob.value !== "") found[knob.dataset.knob] = knob.value;
    }
    return found;
  }

  // Gives whether it was answered at all.
  async ask(question, signal) {
    const messages = [...this.messages, { role: "user", text: question }];
    const body = { messages, model: this.field("model").value, prompt: this.field("prompt").value, sampling: this.sampling() };
    const answer = new Answer(this.log, question);
    try {
      const response = await fetch(form.dataset.run, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
        body: JSON.stringify(body),
        signal,
      });
      if (!response.ok) throw new Error((await response.json().catch(() => ({}))).message);
      for await (const [name, data] of events(response.body)) answer.take(name, data);
    } catch (error) {
      if (error.name === "AbortError") answer.foot.textContent = words.stopped;
      else {
        answer.foot.textContent = "";
        answer.fail(error instanceof TypeError ? words.broken : error.message || words.broken, "");
      }
    }
    if (answer.text) this.messages = [...messages, { role: "assistant", text: answer.text }];
    return Boolean(answer.text);
  }

  clear() {
    this.messages = [];
    this.log.replaceChildren(make("p", "soft nothing", words.empty));
  }
}

const sides = [...form.querySelectorAll("[data-side]")].map((node) => new Side(node));
let stopper = null;

function active() {
  return form.elements.compare.checked ? sides : sides.slice(0, 1);
}

function arrange() {
  const two = form.elements.compare.checked;
  form.querySelector(".sides").classList.toggle("two", two);
  sides[1].node.hidden = !two;
  for (const field of sides[1].node.querySelectorAll("input, select, textarea")) field.disabled = !two;
}

async function ask() {
  const question = form.elements.question.value.trim();
  if (!question || stopper || !form.reportValidity()) return;
  stopper = new AbortController();
  part("stop").hidden = false;
  part("ask").hidden = part("clear").hidden = true;
  part("told").textContent = words.waiting;
  form.elements.question.value = "";
  const asking = active().map((side) => side.ask(question, stopper.signal));
  active()[0].log.scrollIntoView({ block: "nearest" });
  const answered = await Promise.all(asking);
  // what nobody answered is not to be written again
  if (!answered.some(Boolean) && !form.elements.question.value) form.elements.question.value = question;
  part("told").textContent = stopper.signal.aborted ? words.stopped : words.finished;
  stopper = null;
  part("stop").hidden = true;
  part("ask").hidden = part("clear").hidden = false;
  if (document.activeElement === document.body) form.elements.question.focus();
}

const narrow = matchMedia("(max-width: 56rem)");
const fold = () => sides.forEach((side) => side.fold(narrow.matches));
narrow.addEventListener("change", fold);
fold();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
form.elements.question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    ask();
  }
});
// what is wrong is seen: a closed part that holds it opens
form.addEventListener("invalid", (event) => {
  for (let box = event.target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
}, true);
form.elements.compare.addEventListener("change", arrange);
part("stop").addEventListener("click", () => stopper?.abort());
part("clear").addEventListener("click", () => sides.forEach((side) => side.clear()));
arrange();
