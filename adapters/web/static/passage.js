// The passage that a citation stands for, whole, with the quoted words marked.

import { action, call, closing, make, words } from "./dom.js";

const title = make("h2", { id: "passage-title" });
const text = make("div", { class: "text", tabindex: "0" });
const place = make("p", { class: "place" });
const count = make("span", { class: "count" });
const dialog = make("dialog", { id: "passage", "aria-labelledby": "passage-title" });
const previous = action("passage.previous", () => turn(-1), "previous"), next = action("passage.next", () => turn(1), "next");
let answer = "", citations = [], at = 0, shown = 0;  // of the answer as it was when it was opened

export function openPassage(turnView, number) {
  ({ id: answer, citations } = turnView);
  at = Math.max(0, citations.findIndex((citation) => citation.number === number));
  if (!dialog.isConnected) start();
  if (!dialog.open) dialog.showModal();
  show();
}

function start() {
  dialog.append(make("header", {}, count, title, closing(dialog)), text, make("footer", {}, place, make("div", { class: "pages" }, previous, next)));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") turn(-1);
    if (event.key === "ArrowRight") turn(1);
  });
  document.body.append(dialog);
}

function turn(step) {
  if (!citations[at + step]) return;
  at += step;
  show();
}

async function show() {
  const citation = citations[at], mine = ++shown;
  title.textContent = citation.title || citation.source;
  count.textContent = citation.number;
  place.replaceChildren(sourceOf(citation.source));
  previous.disabled = at === 0;
  previous.parentElement.hidden = citations.length < 2;
  next.disabled = at === citations.length - 1;
  text.replaceChildren(make("mark", {}, ...plainly(citation.quote)));
  const response = await call("GET", `/api/v1/chat/${answer}/passages/${citation.number}`).catch(() => null);
  const found = (response?.ok && (await response.json().catch(() => null))) || { text: "" };
  if (mine !== shown) return;
  const begin = found.text.indexOf(citation.quote);
  if (begin < 0 || !found.text) return text.append(make("p", { class: "changed" }, words["passage.changed"]));
  const quote = make("mark", {}, ...plainly(citation.quote));
  text.replaceChildren(...plainly(found.text.slice(0, begin)), quote, ...plainly(found.text.slice(begin + citation.quote.length)));
  quote.scrollIntoView({ block: "center" });
}

// A document's words as they stand there; only what is code looks like it.
export const plainly = (said) => said.split(/`([^`\n]+)`/).map((piece, n) => (n % 2 ? make("code", {}, piece) : piece));

// A link where it leads to the web, else words.
export function sourceOf(source) {
  let safe = false;
  try {
    safe = ["http:", "https:"].includes(new URL(source).protocol);
  } catch { /* a file's name */ }
  return safe ? make("a", { href: source, target: "_blank", rel: "noopener noreferrer nofollow" }, source) : source;
}
