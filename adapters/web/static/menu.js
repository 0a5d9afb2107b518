// What can be done with one conversation: a menu by mouse, touch and keys.

import { $, make, words } from "./dom.js";

let shown = null;

export function closeMenu(back = false) {
  if (!shown) return;
  const { list, button } = shown;
  shown = null;
  list.remove();
  button.setAttribute("aria-expanded", "false");
  if (back) (button.isConnected ? button : $("find")).focus();
}

// A menu goes with its button.
export const tidyMenu = () => { if (shown && !shown.button.isConnected) closeMenu(true); };

// `items`: [name, what it does, or the address of a file].
export function openMenu(button, items) {
  const again = shown?.button === button;
  closeMenu();
  if (again) return;
  const list = make("div", { role: "menu", class: "menu", "aria-label": button.getAttribute("aria-label") }, ...items.map(([name, act]) =>
    typeof act === "string"
      ? make("a", { role: "menuitem", href: act, download: true, tabindex: "-1", "data-do": name, onclick: () => closeMenu(true) }, words[name])
      : make("button", { role: "menuitem", type: "button", tabindex: "-1", "data-do": name, onclick: () => { closeMenu(true); act(); } }, words[name])));
  list.addEventListener("keydown", (event) => moved(event, [...list.children]));
  list.addEventListener("focusout", (event) => { if (!list.contains(event.relatedTarget) && event.relatedTarget !== button) closeMenu(); });
  $("chats").append(list);
  const place = button.getBoundingClientRect(), { offsetHeight: height, offsetWidth: width } = list;
  list.style.top = `${place.bottom + height > innerHeight ? Math.max(8, place.top - height) : place.bottom}px`;
  list.style.left = `${Math.max(8, Math.min(place.right - width, innerWidth - width - 8))}px`;
  button.setAttribute("aria-expanded", "true");
  shown = { list, button };
  list.firstChild.focus();
}

function moved(event, items) {
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) items[to % items.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") closeMenu(true);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("pointerdown", (event) => { if (shown && !shown.list.contains(event.target) && event.target !== shown.button && !shown.button.contains(event.target)) closeMenu(); });
addEventListener("resize", () => closeMenu());
