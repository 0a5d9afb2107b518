// Asking, and following an answer to its end.

import { moveTo } from "./address.js";
import { $, call, cleaned, memory, randomId, say, sleep, tell, words } from "./dom.js";
import { giveBack, keepFor, nameDraft } from "./draft.js";
import { events, isBroken, Watch } from "./events.js";
import { refusalOf, waitOf } from "./refusal.js";
import { keepEnd, toEnd } from "./scroll.js";
import { markCurrent } from "./sidebar.js";
import { state } from "./state.js";
import { copyCode, TurnView } from "./turn.js";

const FIRST_PAUSE = 500, LAST_PAUSE = 8000;
const SILENCE = 25000;  // of a stream that has a heartbeat each ten seconds
const SETTLED = 1500;  // after an answer's end is known, until its stream should have told it
const LEAVING = 1500;  // after a connection broke, until the page would be gone if it was that
const SPOKEN = 1500;  // characters
const log = $("log");
const sending = new Map();  // questions whose chats were left before anything was heard of them, by id, with their watches
let run = null, watch = null, hurried = false, ended = () => {};
log.addEventListener("click", copyCode);

export const viewOf = (question, files = []) =>
  new TurnView(question, { again: answerAgain, change: changeQuestion, reuse: giveBack, goOn: () => ask(words["go.on.asks"]) }, files);
const bodyOf = (more) => ({ ...more, id: randomId(), html: true, language: document.documentElement.lang });

// `act` is called after each answer that was followed to its end, and after each question that was taken back,
// unless its chat was left.
export const whenEnded = (act) => { ended = act; };

// `before`: the question's words, where `body` changes them.
export function begin(view, body, answer = "", before = view.question) {
  const mine = run = { view, body, answer, before, stopping: false, trouble: false };
  const within = log.contains(document.activeElement);
  state.running = view;
  $("welcome").hidden = true;
  view.showStatus(words.thinking);
  $("send").hidden = true;
  $("stop").hidden = false;
  keepEnd(() => state.turns.forEach((turn) => turn.refresh()));
  if (within && !log.contains(document.activeElement)) $("stop").focus();
  say("");
  tell("");
  refuse("");
  return follow(mine).finally(() => {
    if (run !== mine) return;
    leave();
    ended(stands(mine));
  });
}

// A person took the conversation while it was asked to answer anew: what is stored stands, not what came instead.
const stands = ({ view, body }) => Boolean(body.retry_of || body.edit_of) && view.reason === "taken";

// The answer goes on without this page; its conversation shows it again. Who is at Stop by keyboard comes to the
// composer; by touch that would raise a keyboard.
export function leave() {
  const left = run, atStop = $("stop").matches(":focus-visible");
  run = state.running = null;
  if (left?.answer) watch?.abort();
  memory.set("pending", null);
  $("send").hidden = false;
  $("stop").hidden = true;
  if (atStop) $("text").focus();
  say("");
  keepEnd(() => state.turns.forEach((turn) => turn.refresh()));
}

export function add(view) {
  state.turns.push(view);
  log.append(view.root);
}

export function ask(said, files = []) {
  if (state.running) return;
  const text = cleaned(said).trim(), view = viewOf(text, files), body = bodyOf({ text });
  if (files.length) body.attachments = files.map((file) => file.id);
  if (state.conversation) body.conversation = state.conversation;
  add(view);
  begin(view, body);
  toEnd();
}

function answerAgain(view) {
  if (!state.running) begin(view, bodyOf({ retry_of: view.id }));
}

function changeQuestion(view, said) {
  if (state.running) return;
  const text = cleaned(said).trim(), before = view.question;
  view.question = text;
  begin(view, bodyOf({ edit_of: view.id, text }), "", before);
}

// Follows an answer to its end, however often the connection breaks. Until the server has told
// the answer's id the question is put again: its own id sees to it that it is not asked twice.
async function follow(mine) {
  const earlier = memory.get("pending");
  if (earlier && earlier.body.id !== mine.body.id) setAside(earlier);
  remember(mine);
  for (let pause = FIRST_PAUSE; run === mine; pause = Math.min(pause * 2, LAST_PAUSE)) {
    hurried = false;
    const own = watch = new Watch(SILENCE);
    const { over, refused, trouble, wait, heard } = await attempt(mine, own);
    own.end();
    if (run !== mine && !over) settle(mine.body.id, own, refused);
    if (over || run !== mine) return;
    if (refused) return takeBack(mine, refused);
    if (heard) pause = FIRST_PAUSE;
    if (hurried) continue;
    mine.trouble = true;
    mine.view.showStatus(trouble, true);
    await sleep(wait ?? pause * (0.75 + Math.random() / 2));
  }
}

async function attempt(mine, { signal, alive }) {
  let heard = false;
  try {
    const { answer, body } = mine;
    const response = await (answer ? call("GET", `/api/v1/chat/${answer}?html=true`, undefined, signal) : call("POST", "/api/v1/chat", body, signal));
    const wait = waitOf(response.headers.get("Retry-After"));
    if (response.status === 429) return { trouble: refusalOf(429, wait), wait: wait * 1000 };
    if (response.status >= 500) return { trouble: words.unwell };
    if (!response.ok) return { refused: response.status };
    for await (const [name, data] of events(response.body, alive)) {
      if (run !== mine) {
        unlist(mine.body.id);
        return { over: true };
      }
      heard = true;
      take(mine, name, data);
      if (name === "done" || name === "error") return { over: true };
    }
  } catch (error) {
    if (!isBroken(error)) throw error;
  }
  return { trouble: words.reconnecting, heard };
}

const entryOf = ({ body, answer, view }) => ({ body, answer, question: view.question, files: view.files, conversation: state.conversation });
const remember = (mine) => memory.set("pending", entryOf(mine));

// Nobody waits any more for a question that may never have reached the service: its words stay with its chat.
function setAside({ body, answer, question, files, conversation }) {
  if (!answer && !body.retry_of) keepFor(conversation, question, files);
}

// Questions whose chats were left before anything was heard of them: a reload finds them here.
const unheard = () => memory.get("unheard") ?? [];

function unlist(id) {
  const listed = unheard(), left = listed.filter(({ body }) => body.id !== id);
  sending.delete(id);
  memory.set("unheard", left.length ? left : null);
  return listed.find(({ body }) => body.id === id);
}

// A page on its way out breaks its connections before it ends: nothing is settled by that, and the next page asks.
// What is listed no more a page that came after has taken up; where the browser keeps nothing, this one alone knows it.
async function settle(id, own, refused) {
  if (!refused) await sleep(LEAVING);
  const { entry, watch: its, listed } = sending.get(id) ?? {};
  if (its === own && (unlist(id) || !listed)) setAside(entry);
}

function leaveUnheard(mine) {
  const entry = entryOf(mine), { id } = mine.body;
  memory.set("unheard", [...unheard(), entry]);
  sending.set(id, { entry, watch, listed: unheard().some(({ body }) => body.id === id) });
}

// What a page before this one left unheard is put once more; by its id it is not asked twice.
export function sendUnheard() {
  for (const entry of unheard()) {
    const own = new Watch(SILENCE), { id } = entry.body;
    sending.set(id, { entry, watch: own, listed: true });
    attempt(entry, own).then(({ over, refused }) => { if (!over) settle(id, own, refused); }).finally(own.end);
  }
}

// The question of this chat of which nothing has been heard, for whoever takes it up.
export function takeUnheard(name) {
  const found = name && unheard().find(({ conversation }) => conversation === name);
  if (!found) return null;
  sending.get(found.body.id)?.watch.abort();
  return unlist(found.body.id);
}

function take(mine, name, data) {
  if (name === "start") started(mine, data);
  keepEnd(() => show(mine, name, data));
}

function started(mine, { id, conversation }) {
  const { view, answer, stopping, trouble } = mine;
  if (view.id !== id) view.showVote(0);
  mine.answer = view.id = id;
  mine.trouble = false;
  view.text = "";
  view.doing = "";
  view.thoughts.begin();
  dropTwin(view);
  state.conversation = conversation;
  moveTo(conversation, "replace");
  markCurrent();
  nameDraft(conversation);
  remember(mine);
  if (trouble && stopping) view.showStatus(words.stopping);
  else if (trouble) view.showWaiting();
  if (stopping && !answer) sendStop(mine);
}

// A question that was put once more had come the first time, and its turn may have been read already.
function dropTwin(view) {
  const twin = state.turns.find((turn) => turn !== view && turn.id === view.id);
  state.turns = state.turns.filter((turn) => turn !== twin);
  twin?.root.remove();
}

function show(mine, name, data) {
  const { view, stopping } = mine;
  if (name === "chunk") view.text += data.text;
  else if (name === "replace") view.text = data.text;
  else if (name === "thought") think(mine, data);
  else if (name === "activity") {
    view.doing = data.text;
    if (!stopping) view.showWaiting();
  }
  else if (name === "citations") view.showCitations(data);
  else if (name === "html") {
    if (data.from === 0) view.showCitations([]);
    view.thoughts.end();
    view.showBlocks(data.from, data.blocks);
    if (view.text && !stopping) view.showStatus("");
  } else if (name === "error") {
    view.thoughts.end();
    view.showStatus(words[data.code] ?? data.message, true);
    tell(view.status.textContent);
  }
  else if (name === "done") {
    view.thoughts.end();
    view.showEnd(data.finish_reason);
    tell([view.waits ? words.taken : view.status.textContent || words.finished, beginning(view.spoken())].filter(Boolean).join(" "));
  }
}

// Who listens is told once that there are thoughts, and not what they are. Where the model has ended them its words
// come at once.
function think(mine, data) {
  const { view, stopping } = mine, first = !mine.thought;
  mine.thought = true;
  view.thoughts.take(data);
  if (data.thinking && !stopping) view.showWaiting();
  if (first && view.thoughts.going) tell(words.thinking);
}

const beginning = (text) => (text.length > SPOKEN ? `${text.slice(0, SPOKEN).replace(/\s+\S*$/, "")} …` : text);

// Another chat is opened: a question that never reached the service stays with this one.
export function abandon() {
  if (run && !run.answer && run.trouble) return withdraw(run, "");
  if (run && !run.answer && !run.body.retry_of) leaveUnheard(run);
  if (run) leave();
}

// What was refused is not lost: a question goes back to where it was written.
function takeBack(mine, status) {
  const said = refusalOf(status, 0);
  if (!mine.answer) return backToWriter(mine, said);
  mine.view.thoughts.end();
  mine.view.showStatus(said, true);
}

function refuse(text) {
  $("refused").textContent = text;
  $("refused").hidden = !text;
}

function withdraw(mine, said) {
  const { view, body, before } = mine;
  leave();
  refuse(said);
  const text = view.question;
  if (body.retry_of || body.edit_of) {
    view.question = before;
    view.showEnd(view.reason);
    view.refresh();
    if (body.edit_of) view.edit(text);
  } else {
    state.turns = state.turns.filter((turn) => turn !== view);
    view.root.remove();
    state.turns.forEach((turn) => turn.refresh());
    $("welcome").hidden = state.turns.length > 0;
    giveBack(text, view.files);
  }
}

function backToWriter(mine, said) {
  withdraw(mine, said);
  ended();
}

// At once for whoever waits: what has not reached the service comes back, and what has is asked for its end.
export function stop() {
  const mine = run;
  if (!mine || mine.stopping) return;
  if (!mine.answer && mine.trouble) return backToWriter(mine, "");
  mine.stopping = true;
  mine.view.showStatus(words.stopping);
  if (mine.answer) sendStop(mine);
}

async function sendStop(mine) {
  const response = await call("POST", `/api/v1/chat/${mine.answer}/stop`, {}, AbortSignal.timeout(SILENCE)).catch(() => null);
  if (run !== mine) return;
  if (response?.ok) return void setTimeout(() => reconnect(mine), SETTLED);
  mine.stopping = false;
  if (mine.view.text) mine.view.showStatus("");
  else mine.view.showWaiting();
  say(words.failed);
}

// Another way than the answer's own stream has told that it has ended: if the stream is silent, it is dead.
export function hurry() {
  const mine = run;
  if (mine?.answer) setTimeout(() => { if (performance.now() - watch.heard >= SETTLED) reconnect(mine); }, SETTLED);
}

function reconnect(mine) {
  if (run !== mine) return;
  hurried = true;
  watch.abort();
}
