// An open conversation: its end in view, what is new put in its place and said aloud, and keys for the composer.
import { localTimes, say } from "./console.js";
import { startDrafts } from "./draft.js";
import { isPressed, isUnderHand } from "./hand.js";

const SLACK = 160;
let atEnd = false, heard = document.getElementById("tail")?.dataset.heard;

function isAtEnd() {
  return innerHeight + scrollY >= document.documentElement.scrollHeight - SLACK;
}

function toEnd() {
  scrollTo({ top: document.documentElement.scrollHeight });
}

// The number of a turn, or of the one before which a line says that all begins anew.
const numberOf = (part) => parseInt(part.id.split("-")[1]);

// What somebody has opened there is open in what takes its place, too.
function unfold(part, old) {
  const folds = old?.querySelectorAll("details") ?? [];
  part.querySelectorAll("details").forEach((fold, place) => { fold.open = Boolean(folds[place]?.open); });
}

// Only turns that have changed are put anew, and those before the first that is told of stay. What is under
// somebody's hand waits, and is asked for again: its `data-heard` alone is of now.
function renew(tail, fresh) {
  localTimes(fresh);
  const told = [...fresh.children], parts = [...tail.children];
  const older = parts.filter((part) => numberOf(part) < numberOf(told[0]));
  const left = new Map(parts.slice(older.length).map((part) => [part.id, part]));
  let last = older.at(-1), waits = false;
  for (const part of told) {
    const old = left.get(part.id);
    unfold(part, old);
    const same = old?.isEqualNode(part), held = old && !same && isUnderHand(old);
    left.delete(part.id);
    if (!old) tail.insertBefore(part, last ? last.nextSibling : tail.firstChild);
    else if (!same && !held) old.replaceWith(part);
    waits ||= held;
    last = same || held ? old : part;
  }
  for (const old of left.values()) old.remove();
  tail.dataset.heard = fresh.dataset.heard;
  return waits;
}

function isAsked(composer) {
  return composer.querySelector("dialog[open]") || isPressed(composer);
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  atEnd = isAtEnd();
  if (detail.target.id !== "tail" || detail.xhr.status !== 200) return;
  const told = new DOMParser().parseFromString(detail.serverResponse, "text/html"), fresh = told.getElementById("tail");
  const holds = told.getElementById("composer") && isAsked(document.getElementById("composer"));
  if (!renew(detail.target, fresh) && !holds) detail.target.setAttribute("hx-get", fresh.getAttribute("hx-get"));
  if (holds) detail.serverResponse = "";
  detail.swapOverride = "none";
  htmx.process(detail.target);
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "tail") return;
  const tail = document.getElementById("tail");
  if (tail && tail.dataset.heard !== heard) say(tail.dataset.news);
  heard = tail?.dataset.heard;
  if (atEnd) toEnd();
});
document.addEventListener("keydown", (event) => {
  const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.id === "f-text";
  if (sends && !event.isComposing) event.target.form.requestSubmit();
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "composer") document.getElementById("f-text")?.focus();
});

startDrafts();
if (!location.hash.startsWith("#turn-") && document.getElementById("tail")) toEnd();
