// What the console does in the browser: dialogs, copying, times in the reader's zone, and what is said.

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

export function localTimes(root) {
  for (const node of root.querySelectorAll("time[data-when]")) {
    const at = new Date(node.dateTime);
    const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    node.textContent = format.format(at);
    node.title = at.toISOString();
    node.removeAttribute("data-when");
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
  say(document.body.dataset.copied);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.dataset.dialog) document.getElementById(button.dataset.dialog).showModal();
  else if ("close" in button.dataset) button.closest("dialog").close();
  else if ("copy" in button.dataset) copy(button);
});
// a file that is too large is told before it is sent
document.addEventListener("change", (event) => {
  const { most, tooBig } = event.target.dataset ?? {};
  if (!most) return;
  event.target.setCustomValidity(event.target.files[0]?.size > Number(most) ? tooBig : "");
  event.target.reportValidity();
});
// a press beside a dialog closes it
document.addEventListener("pointerdown", (event) => {
  if (event.target instanceof HTMLDialogElement) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});
document.addEventListener("htmx:afterSwap", (event) => localTimes(event.detail.target.parentElement ?? document));
document.addEventListener("htmx:responseError", (event) => {
  let message = "";
  try { message = JSON.parse(event.detail.xhr.responseText).message; } catch { /* no words of ours */ }
  say(message || document.body.dataset.failed);
});
document.addEventListener("htmx:sendError", () => say(document.body.dataset.failed));

localTimes(document);
// what was done is said once: a reload does not say it again
const here = new URL(location.href);
if (here.searchParams.has("done") || here.searchParams.has("token")) {
  here.searchParams.delete("done");
  here.searchParams.delete("token");
  history.replaceState(null, "", here);
}
