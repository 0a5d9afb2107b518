// The list of conversations beside the page, and on a phone a drawer over it.

import { $, memory } from "./dom.js";

const narrow = matchMedia("(max-width: 60rem)");
const panel = $("chats"), veil = $("veil"), opener = $("chats-open");
let open = false;

function show(wanted, focus = true) {
  open = wanted;
  panel.dataset.shown = String(open);
  panel.inert = !open;
  opener.setAttribute("aria-expanded", String(open));
  opener.hidden = open && !narrow.matches;
  const over = open && narrow.matches;
  veil.hidden = !over;
  for (const part of document.querySelectorAll("body > header, body > main, body > footer")) part.inert = over;
  if (focus) (open ? $("chats-close") : opener).focus();
}

// After something was chosen: on a phone the drawer has done its work.
export function closeDrawer() {
  if (open && narrow.matches) show(false, false);
}

export function openDrawer() {
  if (!open) toggle(true);
}

function toggle(wanted) {
  if (!narrow.matches) memory.set("chats", wanted ? null : "closed");
  show(wanted);
}

const fits = () => show(!narrow.matches && memory.get("chats") !== "closed", false);

export function startDrawer() {
  opener.addEventListener("click", () => toggle(true));
  $("chats-close").addEventListener("click", () => toggle(false));
  veil.addEventListener("click", () => toggle(false));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || !narrow.matches || event.defaultPrevented) return;
    event.stopPropagation();
    toggle(false);
  });
  narrow.addEventListener("change", fits);
  fits();
}
