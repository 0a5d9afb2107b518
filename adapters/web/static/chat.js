// The chat page: one conversation, restored, followed and kept up with what happens elsewhere.

import { isId, moveTo, startAddress, titled } from "./address.js";
import { abandon, add, begin, hurry, sendUnheard, takeUnheard, viewOf, whenEnded } from "./asking.js";
import { focusComposer, startComposer } from "./composer.js";
import { $, call, make, memory, say, sleep, tell, words } from "./dom.js";
import { freeDraft, giveBack, showDraft } from "./draft.js";
import { closeDrawer, startDrawer } from "./drawer.js";
import { Watch } from "./events.js";
import { frame } from "./identity.js";
import { startLive } from "./live.js";
import { keepEnd, keepPlace, startScrolling, toEnd } from "./scroll.js";
import { knownTitle, markCurrent, placeOf, sidebarTold, startSidebar } from "./sidebar.js";
import { showStaff, staffTold } from "./staff.js";
import { state } from "./state.js";
import { onTold } from "./tabs.js";

const FIRST_PAUSE = 1000, LAST_PAUSE = 30000;
const PATIENCE = 25000;  // with a reading of which nothing comes
const log = $("log");
const elsewhere = (name) => name.startsWith("@");
let opened = 0, opening = false, missed = false, behind = false, refreshed = 0, seen = "", lost = "";
// `lost` is the chat that was deleted elsewhere while an answer was followed.

// What is being written in a question's place goes to the composer, and so stays with its chat.
function giveBackUnsaid(turns) {
  for (const turn of turns) if (turn.unsaid()) giveBack(turn.unsaid());
}

function empty() {
  giveBackUnsaid(state.turns);
  state.turns = [];
  log.replaceChildren();
  $("welcome").hidden = false;
}

// None if they cannot be had just now; of a conversation that is not there, there are none.
async function stored(name, before = "") {
  if (!name) return { messages: [], older: false };
  if (!isId(name)) return { messages: [], older: false, gone: true };
  const path = `/api/v1/conversations/${name}/messages${before && `?before=${before}`}`;
  const watch = new Watch(PATIENCE);
  try {
    const response = await call("GET", path, undefined, watch.signal);
    if (response.status === 404) return { messages: [], older: false, gone: true };
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  } finally {
    watch.end();
  }
}

// What came without a question of this page, or was said elsewhere, can be read and nothing more.
function restored(message) {
  const view = viewOf(message.question, elsewhere(state.conversation) ? [] : message.attachments);
  view.place = message.id;
  view.id = message.id.startsWith("@") ? "" : message.id;
  view.text = message.answer;
  view.rated = message.vote;
  view.asked.hidden = !message.question && !message.attachments.length;
  view.thoughts.put(message.thoughts);
  view.showBlocks(0, message.html);
  view.showCitations(message.citations);
  view.showEnd(message.finish_reason, message.fate);
  return view;
}

const placeIn = (view) => view.id || view.place;

function offerOlder(name, older) {
  if (!older) return;
  const button = make("button", { type: "button", id: "older", onclick: async () => {
    button.disabled = true;
    const found = await stored(name, placeIn(state.turns[0]));
    button.disabled = false;
    if (!button.isConnected) return;
    if (!found || found.gone) return say(words.failed);
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

// `how` the address moves; see `moveTo`. What is under way in this tab is taken up where it was asked.
async function open(name, how = "push") {
  const mine = ++opened;
  opening = true;
  missed = behind = false;
  if (lost) freeDraft();
  lost = "";
  abandon();
  empty();
  tell("");
  state.conversation = name;
  showStaff();
  seen = "";
  moveTo(name, how);
  titled("");
  showDraft(name);
  showPlace(name);
  markCurrent();
  const found = await read(name, () => mine === opened, showUnread);
  if (mine !== opened) return;
  const about = state.running ? null : asking(name);
  if (found.gone && !about && !state.turns.length) {
    forget();
    say(words["chats.nowhere"]);
  }
  const last = found.messages.at(-1), asked = state.turns;
  show(found, asked);
  if (about) resume(about);
  else if (last && !asked.length) carryOn(last);
  opening = false;
  if (missed && !state.running) refresh();
}

// The question of this chat that was on its way when it was left, or the page was.
function asking(name) {
  const pending = memory.get("pending");
  return pending && (pending.conversation === name || !pending.conversation) ? pending : takeUnheard(name);
}

// What is stored, however often it takes, while it is `wanted`: by itself, when the network is back, and by
// what `failed` shows.
async function read(name, wanted, failed) {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LAST_PAUSE)) {
    const found = await stored(name);
    if (found || !wanted()) return found;
    await new Promise((again) => {
      failed(again);
      addEventListener("online", again, { once: true });
      sleep(pause * (0.75 + Math.random() / 2)).then(again);
    });
  }
}

function showUnread(again) {
  $("welcome").hidden = true;
  if (state.turns.length) return;
  const button = make("button", { type: "button", onclick: again }, words["chats.again"]);
  log.replaceChildren(make("div", { id: "unread", role: "alert" }, make("p", {}, words["chats.unread"]), button));
}

// What was asked before the others were there stays below them.
function show({ messages, older, platform, title = "" }, asked = []) {
  showPlace(state.conversation, platform);
  titled(title);
  const ids = new Set(asked.map(({ id }) => id));
  state.turns = [...messages.filter(({ id }) => !ids.has(id)).map(restored), ...asked];
  log.replaceChildren(...state.turns.map((turn) => turn.root));
  $("welcome").hidden = state.turns.length > 0 || elsewhere(state.conversation);
  offerOlder(state.conversation, older);
  state.turns.forEach((turn) => turn.refresh());
  toEnd();
}

function forget() {
  state.conversation = "";
  moveTo("", "replace");
  freeDraft();
  showDraft("");
  markCurrent();
}

function carryOn(last) {
  const view = state.turns.at(-1);
  if (view.id && ["generating", "delivering"].includes(last.state)) begin(view, {}, view.id);
}

function resume(pending) {
  const about = pending.body.retry_of ?? pending.body.edit_of;
  let view = state.turns.find(({ id }) => id && (id === pending.answer || id === about));
  if (!view) {
    view = viewOf(pending.question, pending.files);
    add(view);
  }
  const before = view.question;
  view.question = pending.question;
  view.id = pending.answer;
  begin(view, pending.body, pending.answer, before);
  toEnd();
}

// Something has happened in this conversation elsewhere: what is the same stays as it is. Until it was read
// the page is behind, and what is asked meanwhile goes before.
async function refresh() {
  const mine = ++refreshed, at = opened, wanted = () => mine === refreshed && at === opened && !state.running;
  behind = true;
  const begun = performance.now(), found = await read(state.conversation, wanted, () => {});
  if (!found || !wanted()) return;
  if (found.gone) return leaveGone();
  const { messages } = found;
  behind = false;
  const first = messages.length ? state.turns.findIndex((turn) => placeIn(turn) === messages[0].id) : -1;
  if (first < 0) {
    giveBackUnsaid(state.turns);
    show(found);
  } else {
    let same = 0;
    while (same < messages.length && sameAs(state.turns[first + same], messages[same])) same++;
    keepEnd(() => {
      messages.slice(0, same).forEach(({ vote }, place) => revoted(state.turns[first + place], vote, begun));
      const old = state.turns.splice(first + same);
      for (const turn of old) turn.root.remove();
      for (const turn of messages.slice(same).map(restored)) {
        const before = old.find(({ id }) => id && id === turn.id);
        if (before?.ratedAt >= begun) turn.showVote(before.rated);
        add(turn);
      }
      state.turns.forEach((turn) => turn.refresh());
      giveBackUnsaid(old);
    });
  }
  if (messages.length) carryOn(messages.at(-1));
}

const sameAs = (turn, message) => turn && placeIn(turn) === message.id && turn.text === message.answer && turn.question === message.question && turn.fate === message.fate;

// A vote on another device; one that was given here since the reading had begun is newer.
function revoted(turn, vote, begun) {
  if (turn.rated !== vote && turn.ratedAt < begun) turn.showVote(vote);
}

function told(name, data) {
  sidebarTold(name, data);
  if (name === "conversations") {
    data.conversations.forEach(changed);
    if (!data.conversations.some(({ id }) => id === state.conversation)) unlisted();
  } else if (name === "conversation") changed(data);
  else if (data.id === state.conversation && state.running) lost = data.id;
  else if (data.id === state.conversation) leaveGone();
}

// A list that comes after a pause may hold the newest alone: whether the chat that it lacks is still there, its
// reading tells.
function unlisted() {
  if (!state.conversation || elsewhere(state.conversation)) return;
  if (opening) missed = true;
  else if (state.running) behind = true;
  else refresh();
}

function leaveGone() {
  freeDraft();
  open("", "replace");
  say(words["chats.gone"]);
}

function changed(conversation) {
  staffTold(conversation);
  if (conversation.id !== state.conversation) return;
  const now = `${conversation.active_at} ${conversation.answering} ${conversation.staff}`;
  titled(conversation.title);
  if (opening) missed = true;
  else if (state.running) runs(conversation.answering);
  else if (seen !== now) refresh();
  seen = now;
}

// While an answer is followed: another may have come, or this one have ended without its stream's saying so.
function runs(answering) {
  if (!answering) hurry();
  if (answering !== state.running.id) behind = true;
}

function startNew() {
  closeDrawer();
  open("");
  focusComposer();
}

// In a frame no list stands beside the page, and a private window forgets what was open. Whoever has begun
// meanwhile stays there.
async function openLast() {
  const response = await call("GET", "/api/v1/conversations").catch(() => null);
  const listed = response?.ok ? await response.json().catch(() => null) : null, last = listed?.conversations.find((one) => one.here);
  if (!opened && !state.turns.length) open(last?.id ?? "", "replace");
}

$("new").addEventListener("click", startNew);
$("begin-here").addEventListener("click", startNew);
startScrolling();
startComposer();
startDrawer();
startSidebar({ open, left: () => open("", "replace") });
startAddress((name) => open(name, "stay"));
whenEnded((stands) => {
  if (lost && lost === state.conversation) return leaveGone();
  titled(knownTitle(state.conversation));
  if (behind || stands) refresh();
});
onTold("vote", ({ id, value }) => state.turns.find((turn) => turn.id === id)?.showVote(value));
if (frame && !state.conversation) openLast();
else open(state.conversation, "replace");
sendUnheard();
startLive(told);
