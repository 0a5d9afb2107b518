// The chat page: one conversation, restored, followed and kept up with what happens elsewhere.

import { add, begin, leave, viewOf } from "./asking.js";
import { focusComposer, startComposer } from "./composer.js";
import { $, call, keepEnd, keepPlace, make, memory, say, toEnd, words } from "./dom.js";
import { closeDrawer, startDrawer } from "./drawer.js";
import { frame } from "./identity.js";
import { startLive } from "./live.js";
import { markCurrent, placeOf, sidebarTold, startSidebar } from "./sidebar.js";
import { state } from "./state.js";

const log = $("log");
const elsewhere = (name) => name.startsWith("@");
let opened = 0, opening = false, missed = false, seen = "";

function empty() {
  state.turns = [];
  log.replaceChildren();
  $("welcome").hidden = false;
}

// None if they cannot be had just now; of a conversation that is not there, there are none.
async function stored(name, before = "") {
  if (!name) return { messages: [], older: false };
  const path = `/api/v1/conversations/${name}/messages${before && `?before=${before}`}`;
  const response = await call("GET", path).catch(() => null);
  if (response?.status === 404) return { messages: [], older: false, gone: true };
  return response?.ok ? response.json() : null;
}

// What came without a question of this page, or was said elsewhere, can be read and nothing more.
function restored(message) {
  const view = viewOf(message.question, elsewhere(state.conversation) ? [] : message.attachments);
  view.place = message.id;
  view.id = message.id.startsWith("@") ? "" : message.id;
  view.text = message.answer;
  view.asked.hidden = !message.question && !message.attachments.length;
  view.showBlocks(0, message.html);
  view.showCitations(message.citations);
  view.showEnd(message.finish_reason);
  return view;
}

const placeIn = (view) => view.id || view.place;

function offerOlder(name, older) {
  if (!older) return;
  const button = make("button", { type: "button", id: "older", onclick: async () => {
    button.disabled = true;
    const found = await stored(name, placeIn(state.turns[0]));
    button.disabled = false;
    if (state.conversation !== name || !found) return;
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

function showPlace(name, platform = "web") {
  document.querySelector("footer").hidden = elsewhere(name);
  $("elsewhere").hidden = !elsewhere(name);
  $("elsewhere").firstElementChild.textContent = words["chats.elsewhere"].replace("{place}", () => placeOf(platform));
}

async function open(name) {
  const mine = ++opened;
  opening = true;
  missed = false;
  if (state.running) leave();
  empty();
  state.conversation = name;
  seen = "";
  memory.set("conversation", name || null);
  showPlace(name);
  markCurrent();
  const found = await stored(name);
  if (mine !== opened) return;
  const pending = memory.get("pending");
  if (found?.gone && !(pending?.conversation === name)) forget();
  show(found ?? { messages: [], older: Boolean(name) });
  const last = found?.messages.at(-1);
  if (pending && (pending.conversation === name || !pending.conversation)) resume(pending);
  else if (last) carryOn(last);
  opening = false;
  if (missed && !state.running) refresh();
}

function show({ messages, older, platform }) {
  showPlace(state.conversation, platform);
  state.turns = messages.map(restored);
  log.replaceChildren(...state.turns.map((turn) => turn.root));
  $("welcome").hidden = state.turns.length > 0 || elsewhere(state.conversation);
  offerOlder(state.conversation, older);
  state.turns.forEach((turn) => turn.refresh());
  toEnd();
}

function forget() {
  state.conversation = "";
  memory.set("conversation", null);
  markCurrent();
}

function carryOn(last) {
  const view = state.turns.at(-1);
  if (view.id && ["generating", "delivering"].includes(last.state)) begin(view, {}, view.id);
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

// Something has happened in this conversation elsewhere: what is the same stays as it is.
async function refresh() {
  const name = state.conversation, found = await stored(name);
  if (!found || found.gone || state.conversation !== name || state.running) return;
  const { messages } = found;
  const first = messages.length ? state.turns.findIndex((turn) => placeIn(turn) === messages[0].id) : -1;
  if (first < 0) show(found);
  else {
    let same = 0;
    while (same < messages.length && sameAs(state.turns[first + same], messages[same])) same++;
    keepEnd(() => {
      for (const turn of state.turns.splice(first + same)) turn.root.remove();
      messages.slice(same).map(restored).forEach(add);
      state.turns.forEach((turn) => turn.refresh());
    });
  }
  if (messages.length) carryOn(messages.at(-1));
}

const sameAs = (turn, message) => turn && placeIn(turn) === message.id && turn.text === message.answer && turn.question === message.question;

function told(name, data) {
  sidebarTold(name, data);
  if (name === "conversations") data.conversations.forEach(changed);
  else if (name === "conversation") changed(data);
  else if (data.id === state.conversation && !state.running) {
    open("");
    say(words["chats.gone"]);
  }
}

function changed(conversation) {
  if (conversation.id !== state.conversation) return;
  const now = `${conversation.active_at} ${conversation.answering}`;
  if (opening) missed = true;
  else if (seen !== now && !state.running) refresh();
  seen = now;
}

function startNew() {
  closeDrawer();
  open("");
  focusComposer();
}

// In a frame no list stands beside the page, and a private window forgets what was open.
async function openLast() {
  const response = await call("GET", "/api/v1/conversations").catch(() => null);
  const last = response?.ok ? (await response.json()).conversations.find((one) => one.here) : null;
  if (!state.running) open(last?.id ?? "");
}

$("new").addEventListener("click", startNew);
$("begin-here").addEventListener("click", startNew);
startComposer();
startDrawer();
startSidebar({ open, left: () => open("") });
if (frame && !state.conversation) openLast();
else open(state.conversation);
startLive(told);
