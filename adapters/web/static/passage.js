// The passage that a citation stands for, whole, with the quoted words marked.

import { action, call, closing, make, words } from "./dom.js";

const title = make("h2", { id: "passage-title" });
const text = make("div", { class: "text", tabindex: "0" });
const place = make("p", { class: "place" });
const count = make("span", { class: "count" });
const dialog = make("dialog", { id: "passage", "aria-labelledby": "passage-title" });
const previous = action("passage.previous", () => turn(-1), "previous"), next = action("passage.next", () => turn(1), "next");
let view = null, at = 0;

export function openPassage(turnView, number) {
  view = turnView;
  at = Math.max(0, view.citations.findIndex((citation) => citation.number === number));
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
  if (!view.citations[at + step]) return;
  at += step;
  show();
}

async function show() {
  const citation = view.citations[at];
  title.textContent = citation.title || citation.source;
  count.textContent = citation.number;
  place.replaceChildren(sourceOf(citation.source));
  previous.disabled = at === 0;
  next.disabled = at === view.citations.length - 1;
  text.replaceChildren(make("mark", {}, citation.quote));
  const response = await call("GET", `/api/v1/chat/${view.id}/passages/${citation.number}`).catch(() => null);
  const found = response?.ok ? await response.json() : { text: "" };
  if (citation !== view.citations[at]) return;
  const begin = found.text.indexOf(citation.quote);
  if (begin < 0 || !found.text) return text.append(make("p", { class: "changed" }, words["passage.changed"]));
  const quote = make("mark", {}, citation.quote);
  text.replaceChildren(found.text.slice(0, begin), quote, found.text.slice(begin + citation.quote.length));
  quote.scrollIntoView({ block: "center" });
}

// A link where it leads to the web, else words.
export function sourceOf(source) {
  let safe = false;
  try {
    safe = ["http:", "https:"].includes(new URL(source).protocol);
  } catch { /* a file's name */ }
  return safe ? make("a", { href: source, target: "_blank", rel: "noopener noreferrer nofollow" }, source) : source;
}
