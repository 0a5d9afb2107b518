// The composer: where a question is written, sent with its files, and its answer stopped.

import { ask } from "./asking.js";
import { attached, clearAttached, startAttaching, waiting } from "./attach.js";
import { $, call, say, toEnd, words } from "./dom.js";
import { startKeys } from "./keys.js";
import { state } from "./state.js";
import { startTheme } from "./theme.js";

const composer = $("composer"), field = $("text");
const sendable = () => !waiting() && Boolean(field.value.trim() || attached().length);

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  $("send").disabled = !sendable();
}

function send(event) {
  event.preventDefault();
  if (waiting()) return say(words["attach.wait"]);
  if (!sendable() || state.running) return;
  const text = field.value.trim(), files = attached();
  field.value = "";
  clearAttached();
  ask(text, files);
}

function typed(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  composer.requestSubmit();
}

function stop() {
  if (state.running?.id) call("POST", `/api/v1/chat/${state.running.id}/stop`, {}).catch(() => say(words.failed));
}

// Safari lays its keyboard over the page; what can be seen is as high as this.
function fit() {
  document.body.style.height = `${visualViewport.height}px`;
  scrollTo(0, 0);
}

export const focusComposer = () => field.focus();

export function startComposer() {
  composer.addEventListener("submit", send);
  field.addEventListener("input", grow);
  field.addEventListener("keydown", typed);
  $("stop").addEventListener("click", stop);
  $("down").addEventListener("click", toEnd);
  for (const button of document.querySelectorAll(".suggestions button")) {
    button.addEventListener("click", () => ask(button.textContent));
  }
  if ("ontouchstart" in window) window.visualViewport?.addEventListener("resize", fit);
  startAttaching(grow);
  startKeys();
  startTheme();
  grow();
}
