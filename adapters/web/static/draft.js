// What stands in the composer, kept for each chat of this tab: neither a reload nor a look into another chat
// loses it.

import { attach, attached, attachedElsewhere, attachElsewhere, switchAttached } from "./attach.js";
import { $, memory } from "./dom.js";

const MOST = 30, PAUSE = 300;
const field = $("text");
let shown = null, timer = 0, composing = false;  // `shown`: the chat whose draft the composer has; null before the first

const draftOf = (name) => (memory.get("drafts") ?? []).find(([id]) => id === name)?.[1] ?? { text: "", files: [] };
const joined = (...texts) => texts.filter(Boolean).join("\n\n");
const others = (name) => (memory.get("drafts") ?? []).filter(([id]) => id !== name);

function store(name, text, files) {
  memory.set("drafts", [...others(name), ...(text || files.length ? [[name, { text, files }]] : [])].slice(-MOST));
}

function keep() {
  clearTimeout(timer);
  if (shown !== null) store(shown, field.value, attached());
  // what was still being sent when its chat was left
  for (const [name, files] of attachedElsewhere()) {
    const draft = draftOf(name);
    if (draft.files.length !== files.length) store(name, draft.text, files);
  }
}

export function keepSoon() {
  clearTimeout(timer);
  timer = setTimeout(keep, PAUSE);
}

function write(text) {
  if (field.value === text) return;
  field.value = text;
  field.dispatchEvent(new Event("input"));
}

// The chat's own draft takes the place of the one before; what was written before the first was there stays.
export function showDraft(name) {
  if (name === shown) return;
  const early = shown === null ? field.value : "";
  keep();
  const { text, files } = draftOf(name);
  switchAttached(shown, name, files);
  shown = name;
  write(early === text ? text : joined(text, early));
}

// The chat is gone: what was written for it stays for the one that is shown next.
export function freeDraft() {
  if (shown === null) return;
  memory.set("drafts", others(shown));
  shown = null;
}

function leave() {
  if (shown === null) showDraft("");
  keep();
}

// A new chat has got its name.
export function nameDraft(name) {
  if (name === shown) return;
  memory.set("drafts", others(shown));
  shown = name;
  keep();
}

// Puts words and files back, before what has been written since. Whoever writes goes on where they are.
export function giveBack(text, files = []) {
  const name = shown, { value, selectionStart, selectionEnd } = field;
  if (composing) return field.addEventListener("compositionend", () => keepFor(name, text, files), { once: true });
  if (files.length) attach(files);
  write(joined(text, value));
  const step = field.value.length - value.length;
  field.setSelectionRange(selectionStart + step, selectionEnd + step);
  keep();
  if (!document.activeElement?.closest("input, textarea, dialog, [role=menu]")) field.focus();
}

// The same for any chat; for none (null) where somebody writes.
export function keepFor(name, text, files) {
  if (name === null || name === shown) return giveBack(text, files);
  const draft = draftOf(name);
  store(name, joined(text, draft.text), [...files, ...draft.files]);
  attachElsewhere(name, files);
}

export function startDraft() {
  field.addEventListener("input", keepSoon);
  field.addEventListener("compositionstart", () => { composing = true; });
  field.addEventListener("compositionend", () => { composing = false; });
  addEventListener("pagehide", leave);
}
