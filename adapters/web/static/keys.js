// Keyboard shortcuts, and the dialog that lists them.

import { $, closing, make, words } from "./dom.js";
import { state } from "./state.js";

const KEYS = [["/", "write"], ["Enter", "send"], ["Shift+Enter", "line"], ["Esc", "stop"], ["↑", "edit"], ["?", "help"]];
const writes = (target) => target.closest("input, textarea, select, [contenteditable]");
let dialog = null;

function showHelp() {
  dialog ??= document.body.appendChild(helpDialog());
  dialog.showModal();
}

function helpDialog() {
  const rows = KEYS.flatMap(([key, name]) => [make("dt", {}, ...key.split("+").flatMap((one, i) => [i ? " + " : "", make("kbd", {}, one)])), make("dd", {}, words[`keys.${name}`])]);
  const made = make("dialog", { id: "help", "aria-labelledby": "help-title" });
  made.append(make("header", {}, make("h2", { id: "help-title" }, words.keys), closing(made)), make("dl", {}, ...rows));
  made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
  return made;
}

function pressed(event) {
  if (event.isComposing || event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  const field = $("text");
  if (event.key === "Escape" && state.running) $("stop").click();
  else if (event.key === "ArrowUp" && event.target === field && !field.value && !state.running) {
    event.preventDefault();
    state.turns.at(-1)?.edit();
  } else if (writes(event.target) || event.ctrlKey || event.metaKey) return;
  else if (event.key === "/") {
    event.preventDefault();
    field.focus();
  } else if (event.key === "?") showHelp();
}

export function startKeys() {
  document.addEventListener("keydown", pressed);
  $("keys").addEventListener("click", showHelp);
}
