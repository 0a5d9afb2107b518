// What the console does in the browser: dialogs, copying, times in the reader's zone, and what is said.

import { copied } from "../copying.js";

export const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF-Token"];
const said = document.getElementById("said");
let fading;

// Tell everybody, those who listen too; it goes by itself.
export function say(text) {
  clearTimeout(fading);
  said.textContent = text;
  fading = setTimeout(() => { said.textContent = ""; }, 6000);
}

// Post JSON; gives the answer, or throws an Error with the words for what went wrong.
export async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message || document.body.dataset.failed);
  return answer;
}

const PATIENCE = 15000;

// What is asked for again and again; a server that hangs is not waited for.
export const ask = (path) => fetch(path, { headers: { "HX-Request": "true" }, signal: AbortSignal.timeout(PATIENCE) });

export function localTimes(root) {
  for (const node of root.querySelectorAll("time[data-when]")) {
    const at = new Date(node.dateTime);
    const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    node.textContent = format.format(at);
    node.title = at.toISOString();
    node.removeAttribute("data-when");
  }
}

// What cannot be copied is marked, for the keyboard to do it.
export async function copy(text, mark) {
  const done = await copied(text);
  say(done ? document.body.dataset.copied : document.body.dataset.uncopied);
  if (!done) mark();
}

function copyCode(button) {
  const code = button.parentElement.querySelector("code");
  copy(code.textContent, () => getSelection().selectAllChildren(code));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.dataset.dialog) document.getElementById(button.dataset.dialog).showModal();
  else if ("close" in button.dataset) button.closest("dialog").close();
  else if ("copy" in button.dataset) copyCode(button);
});
// a file that is too large is told before it is sent
document.addEventListener("change", (event) => {
  const { most, tooBig } = event.target.dataset ?? {};
  if (!most) return;
  event.target.setCustomValidity(event.target.files[0]?.size > Number(most) ? tooBig : "");
  event.target.reportValidity();
});
// the second press of a double click is none in the dialog that the first has opened
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest?.("dialog button")) event.preventDefault();
}, true);
// a press beside a dialog closes it
document.addEventListener("mousedown", (event) => {
  if (event.detail === 1 && event.target instanceof HTMLDialogElement) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});
document.addEventListener("htmx:afterSwap", (event) => localTimes(event.detail.target.parentElement ?? document));

// The link that turned a page is gone with it: the focus goes on to what came in its place, unless it is elsewhere
// by now, and those who listen are told.
const GOALS = "h2, .scroll, ol, ul";
let turned = null;
document.addEventListener("htmx:afterSwap", ({ target, detail }) => {
  const pager = detail.requestConfig.elt.closest(".pager"), isTurn = target.localName === "article";
  if (!pager || turned === detail.xhr || target.localName === "p") return;
  turned = detail.xhr;
  const told = (isTurn ? pager : target.querySelector(".pager"))?.dataset.told;
  if (told) say(told);
  if (document.activeElement !== document.body) return;
  const goal = isTurn ? target : target.querySelector(GOALS) ?? target;
  if (!goal.hasAttribute("tabindex")) goal.tabIndex = -1;
  goal.focus({ preventScroll: true });
  if (goal.matches(":focus-visible")) goal.scrollIntoView({ block: "nearest" });
});
document.addEventListener("htmx:responseError", (event) => {
  let message = "";
  try { message = JSON.parse(event.detail.xhr.responseText).message; } catch { /* no words of ours */ }
  say(message || document.body.dataset.failed);
});
document.addEventListener("htmx:sendError", () => say(document.body.dataset.failed));

// what was chosen before htmx was there to hear it, or is restored by the browser, holds all the same
const first = (select) => Math.max(0, [...select.options].findIndex((one) => one.defaultSelected));

export function isChanged(field) {
  if (field.options) return field.selectedIndex !== first(field);
  return field.value !== field.defaultValue || Boolean(field.checked) !== Boolean(field.defaultChecked);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll(".filter[hx-get] select, .filter[hx-get] input")) {
    if (isChanged(field)) for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
  }
});

localTimes(document);
// what was done is said once: a reload does not say it again
const here = new URL(location.href);
if (here.searchParams.has("done") || here.searchParams.has("token")) {
  here.searchParams.delete("done");
  here.searchParams.delete("token");
  history.replaceState(null, "", here);
}
