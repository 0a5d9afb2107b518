// What an operator types and has not sent: kept for this tab, by account and conversation, so that neither
// another's click nor the end of a session loses it.
import { copy } from "./console.js";

const part = (id) => document.getElementById(id);
const place = () => `draft ${part("composer")?.dataset.draft}`;

function kept() {
  try { return sessionStorage.getItem(place()) ?? ""; } catch { return ""; }
}

function keep(text) {
  try {
    if (text) sessionStorage.setItem(place(), text);
    else sessionStorage.removeItem(place());
  } catch { /* a browser without storage keeps it on the page alone */ }
}

// Into the composer, or beside it while the conversation is another's.
function show() {
  const text = kept(), composer = part("f-text"), beside = part("draft");
  if (composer && !composer.value) composer.value = text;
  if (!beside || !text) return;
  part("f-draft").value = text;
  beside.hidden = false;
}

function act(what) {
  const box = part("f-draft");
  if (what === "copy") return copy(box.value, () => box.select());
  keep("");
  box.value = "";
  part("draft").hidden = true;
}

let sent = "", typing = false;

export function startDrafts() {
  document.addEventListener("input", (event) => { if (event.target.id === "f-text") keep(event.target.value); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-draft-do]");
    if (button) act(button.dataset.draftDo);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "hand-back" || !part("f-text").value.trim()) return;
    event.preventDefault();
    part("back").showModal();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target.id === "composer") sent = part("f-text").value;
  });
  // what was typed while the answer was on its way is not sent yet
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "composer" || event.detail.xhr.status !== 200) return;
    const now = part("f-text")?.value ?? "";
    keep(now.startsWith(sent) ? now.slice(sent.length) : now);
  });
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "composer") show(); });
  // where another answers from now on, what was typed and the place where one types stay
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "composer") return;
    typing = document.activeElement?.id === "f-text";
    if (part("f-text")) keep(part("f-text").value);
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "composer") return;
    show();
    if (typing) (part("f-text") ?? part("f-draft")).focus();
  });
  show();
}
