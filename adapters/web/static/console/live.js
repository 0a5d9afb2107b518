// A part of a page that follows what happens: asked for again every few seconds while somebody looks.

import { localTimes } from "./console.js";

const SECONDS = 5;

// Nothing moves under a hand: a dialog is open, something in it is focused or selected.
function busy(part) {
  return document.querySelector("dialog[open]") || part.contains(document.activeElement) || !getSelection().isCollapsed;
}

async function refresh(part) {
  const response = await fetch(part.dataset.live, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (response?.status === 401) location.reload();
  if (!response?.ok || busy(part)) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").body.firstElementChild;
  localTimes(fresh);
  part.replaceWith(fresh);
}

setInterval(() => {
  const part = document.querySelector("[data-live]");
  if (part && !document.hidden && !busy(part)) refresh(part);
}, SECONDS * 1000);
