// Asking, and following an answer to its end.

import { $, call, keepEnd, memory, randomId, say, sleep, tell, toEnd, words } from "./dom.js";
import { events } from "./events.js";
import { state } from "./state.js";
import { copyCode, TurnView } from "./turn.js";

const log = $("log");
log.addEventListener("click", copyCode);

export const viewOf = (question, files = []) => new TurnView(question, { again: answerAgain, change: changeQuestion }, files);

export function begin(view, body, answer = "") {
  state.running = view;
  $("welcome").hidden = true;
  view.showStatus(words.thinking);
  $("send").hidden = true;
  $("stop").hidden = false;
  state.turns.forEach((turn) => turn.refresh());
  say("");
  tell("");
  return follow(view, body, answer).finally(() => {
    if (state.running === view) leave();
  });
}

// The answer goes on without this page; its conversation shows it again.
export function leave() {
  state.running = null;
  memory.set("pending", null);
  $("send").hidden = false;
  $("stop").hidden = true;
  state.turns.forEach((turn) => turn.refresh());
}

export function add(view) {
  state.turns.push(view);
  log.append(view.root);
}

export function ask(text, files = []) {
  if (state.running) return;
  const view = viewOf(text, files);
  add(view);
  const body = { text, id: randomId(), html: true, language: document.documentElement.lang };
  if (files.length) body.attachments = files.map((file) => file.id);
  if (state.conversation) body.conversation = state.conversation;
  begin(view, body);
  toEnd();
}

function answerAgain(view) {
  if (!state.running) begin(view, { retry_of: view.id, id: randomId(), html: true, language: document.documentElement.lang });
}

function changeQuestion(view, text) {
  if (state.running) return;
  const body = { edit_of: view.id, text, id: randomId(), html: true, language: document.documentElement.lang };
  view.question = text;
  begin(view, body);
}

// Follows an answer to its end, however often the connection breaks. Until the server has told
// the answer's id the question is put again: its own id sees to it that it is not asked twice.
async function follow(view, body, answer) {
  let pause = 500;
  memory.set("pending", { body, answer, question: view.question, files: view.files, conversation: state.conversation });
  for (;;) {
    try {
      const response = await (answer ? call("GET", `/api/v1/chat/${answer}?html=true`) : call("POST", "/api/v1/chat", body));
      if (!response.ok && response.status < 500 && response.status !== 429) {
        const problem = await response.json().catch(() => ({}));
        return view.showStatus(problem.message ?? words.failed, true);
      }
      if (response.ok) {
        for await (const [name, data] of events(response.body)) {
          if (state.running !== view) return;
          pause = 500;
          if (name === "start") {
            answer = view.id = data.id;
            state.conversation = data.conversation;
            view.text = "";
            memory.set("conversation", state.conversation);
            memory.set("pending", { body, answer, question: view.question, files: view.files, conversation: state.conversation });
            if (view.status.classList.contains("trouble")) view.showStatus(words.thinking);
          }
          keepEnd(() => show(view, name, data));
          if (name === "done" || name === "error") return;
        }
      }
    } catch (error) {
      if (!(error instanceof TypeError) && error.name !== "AbortError" && error.name !== "NetworkError") throw error;
    }
    if (state.running !== view) return;
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
  } else if (name === "error") {
    view.showStatus(words[data.code] ?? data.message, true);
    tell(view.status.textContent);
  }
  else if (name === "done") {
    view.showEnd(data.finish_reason);
    tell(view.waits ? words.taken : words.finished);
  }
}
