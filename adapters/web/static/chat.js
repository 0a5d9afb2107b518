// The chat page. Text from people and models reaches the document as text; the one exception is
// the `html` event, which the server made from a parsed tree and in which nothing can act.

const words = JSON.parse(document.getElementById("words").textContent);
const $ = (id) => document.getElementById(id);
const log = $("log"), composer = $("composer"), field = $("text"), scroller = document.querySelector("main");
const MARK = /\[(\d{1,3})\]/g;
const ICONS = {
  copy: "M9 9h10v11H9zM5 15V4h10",
  retry: "M20 12a8 8 0 1 1-2.5-5.8M20 3v4h-4",
  edit: "M4 20l1-4L16 5l3 3L8 19z",
  good: "M7 11v9H4v-9zM7 11l4-7a2 2 0 0 1 2 2v4h5a2 2 0 0 1 2 2.3l-1 6a2 2 0 0 1-2 1.7H7",
  bad: "M7 13V4H4v9zM7 13l4 7a2 2 0 0 0 2-2v-4h5a2 2 0 0 0 2-2.3l-1-6A2 2 0 0 0 17 4H7",
};

const memory = {
  get(key) { try { return JSON.parse(localStorage.getItem(`tertulia.${key}`)); } catch { return null; } },
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(`tertulia.${key}`);
      else localStorage.setItem(`tertulia.${key}`, JSON.stringify(value));
    } catch { /* a private window without storage: only the reload is less good */ }
  },
};

let conversation = memory.get("conversation") ?? "";
let turns = [];
let running = null;

// small things

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const action = (name, onclick) =>
  make("button", { type: "button", "aria-label": words[name], title: words[name], "data-do": name, onclick }, icon(name));
const say = (text) => { $("said").textContent = text; };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  return fetch(path, options);
}

const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };

function keepEnd(change) {
  const follow = atEnd();
  change();
  if (follow) toEnd();
}

// one turn on the page

class TurnView {
  constructor(question) {
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
    if (this === turns.at(-1) && !running && this.id) this.asked.append(action("edit", () => this.edit()));
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
    if (!this.id || this === running) return;
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
    if (this === turns.at(-1)) this.actions.append(action("retry", () => answerAgain(this)));
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
      if (text) changeQuestion(this, text);
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

// asking

function begin(view, body, answer = "") {
  running = view;
  $("welcome").hidden = true;
  view.showStatus(words.thinking);
  $("send").hidden = true;
  $("stop").hidden = false;
  log.setAttribute("aria-busy", "true");
  turns.forEach((turn) => turn.refresh());
  say("");
  return follow(view, body, answer).finally(() => {
    running = null;
    memory.set("pending", null);
    $("send").hidden = false;
    $("stop").hidden = true;
    log.setAttribute("aria-busy", "false");
    turns.forEach((turn) => turn.refresh());
  });
}

function add(view) {
  turns.push(view);
  log.append(view.root);
}

function ask(text) {
  if (running) return;
  const view = new TurnView(text);
  add(view);
  const body = { text, id: randomId(), html: true, language: document.documentElement.lang };
  if (conversation) body.conversation = conversation;
  begin(view, body);
  toEnd();
}

function answerAgain(view) {
  if (!running) begin(view, { retry_of: view.id, id: randomId(), html: true, language: document.documentElement.lang });
}

function changeQuestion(view, text) {
  if (running) return;
  const body = { edit_of: view.id, text, id: randomId(), html: true, language: document.documentElement.lang };
  view.question = text;
  begin(view, body);
}

// Follows an answer to its end, however often the connection breaks. Until the server has told
// the answer's id the question is put again: its own id sees to it that it is not asked twice.
async function follow(view, body, answer) {
  let pause = 500;
  memory.set("pending", { body, answer, question: view.question, conversation });
  for (;;) {
    try {
      const response = await (answer ? call("GET", `/api/v1/chat/${answer}?html=true`) : call("POST", "/api/v1/chat", body));
      if (!response.ok && response.status < 500 && response.status !== 429) {
        const problem = await response.json().catch(() => ({}));
        return view.showStatus(problem.message ?? words.failed, true);
      }
      if (response.ok) {
        for await (const [name, data] of events(response.body)) {
          pause = 500;
          if (name === "start") {
            answer = view.id = data.id;
            conversation = data.conversation;
            view.text = "";
            memory.set("conversation", conversation);
            memory.set("pending", { body, answer, question: view.question, conversation });
            if (view.status.classList.contains("trouble")) view.showStatus(words.thinking);
          }
          keepEnd(() => show(view, name, data));
          if (name === "done" || name === "error") return;
        }
      }
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "AbortError" && error.name !== "NetworkError") throw error;
    }
    view.showStatus(words.reconnecting, true);
    await sleep(pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, 8000);
  }
}

function show(view, name, data) {
  if (name === "chunk") view.text += data.text;
  else if (name === "replace") view.text = data.text;
  else if (name === "activity") view.showStatus(data.text || words.thinking);
  else if (name === "citations") view.showCitations(data);
  else if (name === "html") {
    if (data.from === 0) view.showCitations([]);
    view.showBlocks(data.from, data.blocks);
    if (view.text) view.showStatus("");
  } else if (name === "error") view.showStatus(words[data.code] ?? data.message, true);
  else if (name === "done") {
    view.showStatus("");
    say(words.finished);
  }
}

async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const found = /^event: (\w+)\ndata: (.*)$/.exec(block);
      if (found) yield [found[1], JSON.parse(found[2])];
    }
  }
}

// the page around it

function empty() {
  turns = [];
  log.replaceChildren();
  $("welcome").hidden = false;
}

async function stored(name, before = "") {
  const path = `/api/v1/conversations/${name}/messages${before && `?before=${before}`}`;
  const response = name ? await call("GET", path).catch(() => null) : null;
  return response?.ok ? response.json() : { messages: [], older: Boolean(before) };
}

function restored(message) {
  const view = new TurnView(message.question);
  view.id = message.id;
  view.text = message.answer;
  view.showBlocks(0, message.html);
  view.showCitations(message.citations);
  return view;
}

function offerOlder(name, older) {
  if (!older) return;
  const button = make("button", { type: "button", id: "older", onclick: async () => {
    button.disabled = true;
    const found = await stored(name, turns[0].id);
    if (conversation !== name) return;
    const views = found.messages.map(restored);
    const height = scroller.scrollHeight;
    turns.unshift(...views);
    button.replaceWith(...views.map((view) => view.root));
    scroller.scrollTop += scroller.scrollHeight - height;
    offerOlder(name, found.older);
    views.forEach((view) => view.refresh());
  } }, words.older);
  log.prepend(button);
}

async function open(name) {
  empty();
  conversation = name;
  memory.set("conversation", name || null);
  const { messages, older } = await stored(name);
  const pending = memory.get("pending");
  turns = messages.map(restored);
  log.append(...turns.map((turn) => turn.root));
  $("welcome").hidden = turns.length > 0;
  offerOlder(name, older);
  turns.forEach((turn) => turn.refresh());
  toEnd();
  const open = messages.at(-1);
  if (pending && (pending.conversation === name || !pending.conversation)) resume(pending);
  else if (open && ["generating", "delivering"].includes(open.state)) begin(turns.at(-1), {}, open.id);
}

function resume(pending) {
  const about = pending.body.retry_of ?? pending.body.edit_of;
  let view = turns.find((turn) => turn.id === pending.answer || (about && turn.id === about));
  if (!view) {
    view = new TurnView(pending.question);
    add(view);
  }
  view.question = pending.question;
  view.id = pending.answer;
  begin(view, pending.body, pending.answer);
  toEnd();
}

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  $("send").disabled = !field.value.trim();
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  if (!text || running) return;
  field.value = "";
  grow();
  ask(text);
});
field.addEventListener("input", grow);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
    event.preventDefault();
    composer.requestSubmit();
  }
});
$("stop").addEventListener("click", () => {
  if (running?.id) call("POST", `/api/v1/chat/${running.id}/stop`, {}).catch(() => say(words.failed));
});
$("new").addEventListener("click", () => {
  if (running) return;
  open("");
  field.focus();
});
for (const button of document.querySelectorAll(".suggestions button")) {
  button.addEventListener("click", () => ask(button.textContent));
}
$("history").addEventListener("toggle", async () => {
  const list = $("history").querySelector("ul");
  if (!$("history").open) return;
  const response = await call("GET", "/api/v1/conversations").catch(() => null);
  const found = response?.ok ? (await response.json()).conversations : [];
  list.replaceChildren(...found.map((c) => make("li", {}, make("button", { type: "button", onclick: () => {
    $("history").open = false;
    if (!running) open(c.id);
  } }, c.title || words.untitled))));
  if (found.length === 0) list.append(make("li", {}, words["history.none"]));
});
document.addEventListener("click", (event) => {
  if (!$("history").contains(event.target)) $("history").open = false;
});

grow();
open(conversation);
