// An open conversation: its end in view, what is new said aloud, and keys for the composer.
import { say } from "./console.js";

const SLACK = 160;
let atEnd = false;

function isAtEnd() {
  return innerHeight + scrollY >= document.documentElement.scrollHeight - SLACK;
}

function toEnd() {
  scrollTo({ top: document.documentElement.scrollHeight });
}

document.addEventListener("htmx:beforeSwap", () => { atEnd = isAtEnd(); });
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "tail") return;
  const tail = document.getElementById("tail");
  if (tail) say(tail.dataset.news);
  if (atEnd) toEnd();
});
document.addEventListener("keydown", (event) => {
  const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "f-text";
  if (sends && !event.isComposing) event.target.form.requestSubmit();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "composer") document.getElementById("f-text")?.focus();
});

if (!location.hash.startsWith("#turn-") && document.getElementById("tail")) toEnd();
