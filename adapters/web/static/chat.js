// The chat page: conversations and the buttons around them.

import { add, begin, viewOf } from "./asking.js";
import { focusComposer, startComposer } from "./composer.js";
import { $, call, keepPlace, make, memory, toEnd, words } from "./dom.js";
import { state } from "./state.js";

const log = $("log");

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
  const view = viewOf(message.question, message.attachments);
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
    view = viewOf(pending.question, pending.files);
    add(view);
  }
  view.question = pending.question;
  view.id = pending.answer;
  begin(view, pending.body, pending.answer);
  toEnd();
}

$("new").addEventListener("click", () => {
  if (state.running) return;
  open("");
  focusComposer();
});
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

startComposer();
open(state.conversation);
