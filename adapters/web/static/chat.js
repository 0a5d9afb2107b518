// The chat page: conversations, the composer, and the buttons around them.

import { add, ask, begin, viewOf } from "./asking.js";
import { $, call, keepPlace, make, memory, say, toEnd, words } from "./dom.js";
import { state } from "./state.js";

const log = $("log"), composer = $("composer"), field = $("text");

function empty() {
  state.turns = [];
  log.replaceChildren();
  $("welcome").hidden = false;
}

async function stored(name, before = "") {
  const path = `/api/v1/conversations/${name}/messages${before && `?before=${before}`}`;
  const response = name ? await call("GET", path).catch(() => null) : null;
  return response?.ok ? response.json() : { messages: [], older: Boolean(before) };
}

function restored(message) {
  const view = viewOf(message.question);
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
    const found = await stored(name, state.turns[0].id);
    if (state.conversation !== name) return;
    const views = found.messages.map(restored);
    keepPlace(() => {
      state.turns.unshift(...views);
      button.replaceWith(...views.map((view) => view.root));
    });
    offerOlder(name, found.older);
    views.forEach((view) => view.refresh());
  } }, words.older);
  log.prepend(button);
}

async function open(name) {
  empty();
  state.conversation = name;
  memory.set("conversation", name || null);
  const { messages, older } = await stored(name);
  const pending = memory.get("pending");
  state.turns = messages.map(restored);
  log.append(...state.turns.map((turn) => turn.root));
  $("welcome").hidden = state.turns.length > 0;
  offerOlder(name, older);
  state.turns.forEach((turn) => turn.refresh());
  toEnd();
  const open = messages.at(-1);
  if (pending && (pending.conversation === name || !pending.conversation)) resume(pending);
  else if (open && ["generating", "delivering"].includes(open.state)) begin(state.turns.at(-1), {}, open.id);
}

function resume(pending) {
  const about = pending.body.retry_of ?? pending.body.edit_of;
  let view = state.turns.find((turn) => turn.id === pending.answer || (about && turn.id === about));
  if (!view) {
    view = viewOf(pending.question);
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
  if (!text || state.running) return;
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
  if (state.running?.id) call("POST", `/api/v1/chat/${state.running.id}/stop`, {}).catch(() => say(words.failed));
});
$("new").addEventListener("click", () => {
  if (state.running) return;
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
    if (!state.running) open(c.id);
  } }, c.title || words.untitled))));
  if (found.length === 0) list.append(make("li", {}, words["history.none"]));
});
document.addEventListener("click", (event) => {
  if (!$("history").contains(event.target)) $("history").open = false;
});

grow();
open(state.conversation);
