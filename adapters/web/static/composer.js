// The composer: where a question is written, sent, and its answer stopped.

import { ask } from "./asking.js";
import { $, call, say, words } from "./dom.js";
import { state } from "./state.js";

const composer = $("composer"), field = $("text");

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  $("send").disabled = !field.value.trim();
}

function send(event) {
  event.preventDefault();
  const text = field.value.trim();
  if (!text || state.running) return;
  field.value = "";
  grow();
  ask(text);
}

function typed(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  composer.requestSubmit();
}

function stop() {
  if (state.running?.id) call("POST", `/api/v1/chat/${state.running.id}/stop`, {}).catch(() => say(words.failed));
}

export const focusComposer = () => field.focus();

export function startComposer() {
  composer.addEventListener("submit", send);
  field.addEventListener("input", grow);
  field.addEventListener("keydown", typed);
  $("stop").addEventListener("click", stop);
  for (const button of document.querySelectorAll(".suggestions button")) {
    button.addEventListener("click", () => ask(button.textContent));
  }
  grow();
}
