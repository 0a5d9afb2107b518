// The composer: where a question is written, sent with its files, and its answer stopped.

import { ask, stop } from "./asking.js";
import { attached, clearAttached, startAttaching, waiting } from "./attach.js";
import { $, cleaned, say, words } from "./dom.js";
import { keepSoon, startDraft } from "./draft.js";
import { startKeys } from "./keys.js";
import { state } from "./state.js";
import { startTheme } from "./theme.js";

const composer = $("composer"), field = $("text");
const sendable = () => !waiting() && Boolean(cleaned(field.value).trim() || attached().length);

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
  $("send").disabled = !sendable();
}

function send(event) {
  event.preventDefault();
  if (waiting()) return say(words["attach.wait"]);
  if (!sendable()) return;
  if (state.running) return say(words.busy);
  const text = field.value, files = attached();
  field.value = "";
  clearAttached();
  ask(text, files);
}

function typed(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  composer.requestSubmit();
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
  for (const button of document.querySelectorAll(".suggestions button")) {
    button.addEventListener("click", () => ask(button.textContent));
  }
  if ("ontouchstart" in window) window.visualViewport?.addEventListener("resize", fit);
  startAttaching(() => { grow(); keepSoon(); });
  startDraft();
  startKeys();
  startTheme();
  grow();
}
