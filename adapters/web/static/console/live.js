// A part of a page that follows what happens: asked for again every few seconds while somebody looks.

import { ask, localTimes } from "./console.js";
import { isHeld } from "./hand.js";

const SECONDS = 5;
let asking = false;

const busy = (part) => document.querySelector("dialog[open]") || isHeld(part);

// What has the focus, in the part as it is now: null where it is not there any more.
function focusIn(part, fresh) {
  const focused = document.activeElement;
  return part.contains(focused) && ([...fresh.querySelectorAll(focused.localName)].find((one) => one.isEqualNode(focused)) ?? null);
}

async function refresh(part) {
  const response = await ask(part.dataset.live).catch(() => null);
  if (response?.status === 401) location.reload();
  const told = response?.ok && await response.text().catch(() => "");
  if (!told || busy(part)) return;
  const fresh = new DOMParser().parseFromString(told, "text/html").body.firstElementChild;
  localTimes(fresh);
  const focus = focusIn(part, fresh);
  if (focus === null || part.isEqualNode(fresh)) return;
  part.replaceWith(fresh);
  if (focus) focus.focus({ preventScroll: true });
  htmx.process(fresh);
}

setInterval(async () => {
  const part = document.querySelector("[data-live]");
  if (!part || document.hidden || asking || busy(part)) return;
  asking = true;
  await refresh(part).finally(() => { asking = false; });
}, SECONDS * 1000);
