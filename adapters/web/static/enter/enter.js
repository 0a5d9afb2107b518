// The way in with an invite code, for whoever may not ask yet.

import { focusComposer } from "../composer.js";
import { $, call, randomId, say, tell, words } from "../dom.js";

const form = $("enter"), field = $("invite"), told = $("enter-told");

// Whether the visitor may ask; nothing, if that cannot be had just now.
async function isIn() {
  const response = await call("GET", "/api/v1/me").catch(() => null);
  const mine = response?.ok ? await response.json().catch(() => null) : null;
  return mine && (mine.known || mine.may_link);
}

async function enter(event) {
  event.preventDefault();
  const text = field.value.trim(), button = form.querySelector("button");
  if (!text) return;
  told.textContent = "";
  button.disabled = true;
  const why = await present(text);
  button.disabled = false;
  if (why) {
    told.textContent = why;
    field.select();
    return;
  }
  form.hidden = true;
  say(words["enter.done"]);
  tell(words["enter.done"]);
  focusComposer();
}

// What is wrong, if anything: a code is a message like others, whose answer is not worth a place in the chat.
async function present(text) {
  const response = await call("POST", "/api/v1/chat", { text, id: randomId(), language: document.documentElement.lang }).catch(() => null);
  if (!response?.ok) return words.failed;
  await response.text().catch(() => "");
  const inside = await isIn();
  if (inside === null) return words.failed;
  return inside ? "" : words["enter.wrong"];
}

form.addEventListener("submit", enter);
isIn().then((inside) => { form.hidden = inside !== false; });
