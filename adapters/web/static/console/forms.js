// Forms on their way: one that is sent twice is sent once, and what was typed is not lost where nothing came of it,
// as after the end of a session. It is kept for this tab, by account, until its form is there again.

import { isChanged, say } from "./console.js";

const SECONDS = 5;  // in which a form that is still there, as one that brings a file, is not sent again
const SENT = "sent", UNSENT = "unsent";
const UNKEPT = ["password", "file", "submit", "button"];
const { me, again, unsent } = document.body.dataset;
const THEN = /^(version$|was\.)/;  // what a form knows of the time when it was shown
const sending = new WeakMap();

function stored(name) {
  try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; }
}

function store(name, form) {
  try {
    if (form) sessionStorage.setItem(name, JSON.stringify(form));
    else sessionStorage.removeItem(name);
  } catch { /* a browser without storage keeps nothing */ }
}

const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.name !== "csrf" && !UNKEPT.includes(field.type));
const isTyped = (field) => field.type !== "hidden";
const isOn = (field) => (["checkbox", "radio"].includes(field.type) ? field.checked : null);

// What is asked in a dialog is asked anew.
function isKept(form) {
  return me && form.method === "post" && !form.hasAttribute("hx-post") && !form.closest("dialog") && fieldsOf(form).some(isTyped);
}

function keep(name, form) {
  const fields = fieldsOf(form).map((field) => [field.name, field.value, isOn(field), isTyped(field)]);
  store(name, { me, action: form.getAttribute("action"), fields });
}

// Of the same thing, which hidden fields tell.
function isOf({ action, fields }, form) {
  const same = ([name, value, , typed]) => typed || THEN.test(name) || fieldsOf(form).some((one) => one.name === name && !isTyped(one) && one.value === value);
  return isKept(form) && form.getAttribute("action") === action && fields.every(same);
}

function fill(form, fields) {
  for (const [name, value, on] of fields) {
    const field = fieldsOf(form).find((one) => one.name === name && (one.type !== "radio" || one.value === value));
    if (!field) continue;
    if (on === null) field.value = value;
    else field.checked = on;
    const folded = field.closest("details");
    if (isTyped(field) && isChanged(field) && folded) folded.open = true;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function giveBack() {
  const kept = stored(UNSENT);
  const form = kept && kept.me === me && [...document.forms].find((one) => isOf(kept, one));
  if (!form) return;
  store(UNSENT, null);
  fill(form, kept.fields);
  if (fieldsOf(form).some((field) => isTyped(field) && isChanged(field))) say(again);  // else it has been saved
}

// `window`, as what a page asks first is asked on `document`
addEventListener("submit", (event) => {
  const form = event.target, now = performance.now();
  if (event.defaultPrevented || form.method !== "post") return;
  if (now - sending.get(form) < SECONDS * 1000) return event.preventDefault();
  sending.set(form, now);
  if (isKept(form)) keep(SENT, form);
});
// a page that the browser shows as it was left
addEventListener("pageshow", (event) => {
  if (event.persisted) [...document.forms].forEach((form) => sending.delete(form));
});
// a part of the page was asked for, and the session has ended: the page goes
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const form = event.detail.xhr.status === 401 && [...document.forms].find((one) => isKept(one) && fieldsOf(one).some(isChanged));
  if (form) keep(UNSENT, form);
});

// the page after a form tells what became of it: nothing where it says so, or where it is the form's own, gone back to
const sent = stored(SENT), [{ type }] = performance.getEntriesByType("navigation");
if (sent && (unsent !== undefined || type !== "navigate")) store(UNSENT, sent);
store(SENT, null);
giveBack();
