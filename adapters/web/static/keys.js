// Keyboard shortcuts, and the dialog that lists them.

import { $, closing, make, words } from "./dom.js";
import { openDrawer } from "./drawer.js";
import { state } from "./state.js";

const KEYS = [["/", "write"], ["Enter", "send"], ["Shift+Enter", "line"], ["Esc", "stop"], ["↑", "edit"], ["Ctrl+Shift+O", "new"], ["Ctrl+K", "find"], ["?", "help"]];
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

function find() {
  openDrawer();
  $("find").focus();
  $("find").select();
}

function pressed(event) {
  if (event.isComposing || event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
  const field = $("text"), held = event.ctrlKey || event.metaKey;
  const act = held && { k: find, "shift+o": () => $("new").click() }[`${event.shiftKey ? "shift+" : ""}${event.key.toLowerCase()}`];
  if (act) {
    event.preventDefault();
    act();
  } else if (event.key === "Escape" && state.running) $("stop").click();
  else if (event.key === "ArrowUp" && event.target === field && !field.value && !state.running) {
    event.preventDefault();
    const last = state.turns.at(-1);
    if (last?.mayChange()) last.edit();
  } else if (writes(event.target) || held) return;
  else if (event.key === "/") {
    event.preventDefault();
    field.focus();
  } else if (event.key === "?") showHelp();
}

export function startKeys() {
  document.addEventListener("keydown", pressed);
  $("keys").addEventListener("click", showHelp);
}
