// The visitor's conversations: by day, searched, renamed, deleted, shared. Titles and excerpts reach the
// document as text.

import { $, call, icon, make, say, words } from "./dom.js";
import { closeDrawer } from "./drawer.js";
import { openMenu } from "./menu.js";
import { shareDialog, sharesDialog } from "./share.js";
import { state } from "./state.js";

const UNDO = 6000, TYPING = 200, DAY = 24 * 3600 * 1000;
const list = $("list"), find = $("find");
const known = new Map();  // those of the list, by id
const gone = new Map();  // those that are deleted unless it is undone, by id
let query = "", older = "", rest = null, results = [], asked = 0, acts = null;
// `rest` is where the whole list goes on, `older` what is shown.

export const placeOf = (platform) => words[`chats.${platform}`] ?? platform;
const titleOf = (c) => c.title || words.untitled;
const newest = (a, b) => b.active_at - a.active_at;

// `open` shows a conversation, `left` is called when the one that is shown is deleted.
export function startSidebar(given) {
  acts = given;
  let timer = 0;
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, TYPING);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !find.value) return;
    event.preventDefault();
    find.value = "";
    search();
  });
  list.addEventListener("keydown", moved);
  $("shared-links").addEventListener("click", sharesDialog);
  addEventListener("pagehide", () => { for (const end of gone.values()) end(true); });
}

async function page(before) {
  const given = new URLSearchParams({ ...(query && { query }), ...(before && { before }) });
  const response = await call("GET", `/api/v1/conversations?${given}`).catch(() => null);
  return response?.ok ? response.json() : null;
}

// What live.js tells.
export function sidebarTold(name, data) {
  if (name === "deleted") known.delete(data.id);
  else if (name === "conversation") known.set(data.id, data);
  else {
    const { conversations } = data, end = conversations.at(-1)?.active_at ?? 0, ids = new Set(conversations.map((c) => c.id));
    for (const [id, c] of known) if ((c.active_at >= end || !data.older) && !ids.has(id)) known.delete(id);
    for (const c of conversations) known.set(c.id, c);
    rest ??= data.older;
    if (!query) older = rest;
  }
  if (!query) render();
}

async function search() {
  const wanted = ++asked;
  query = find.value.trim();
  older = "";
  if (query) {
    const found = await page("");
    if (wanted !== asked) return;
    results = found?.conversations ?? [];
    older = found?.older ?? "";
    say(results.length ? "" : words["chats.nothing"]);
  } else older = rest ?? "";
  render();
}

async function more(button) {
  const wanted = asked;
  button.disabled = true;
  const found = await page(older);
  if (wanted !== asked) return;
  if (!found) { button.disabled = false; return; }
  older = found.older;
  if (query) results.push(...found.conversations);
  else {
    rest = older;
    for (const c of found.conversations) known.set(c.id, c);
  }
  render();
}

function render() {
  const focused = document.activeElement?.closest?.("[data-chat]")?.dataset.chat;
  if (list.querySelector("form")) return;  // a title is being written
  const rows = (query ? results : [...known.values()].sort(newest)).filter((c) => !gone.has(c.id));
  const groups = new Map();
  for (const c of rows) {
    const group = query ? "" : dayOf(c.active_at * 1000);
    groups.set(group, [...(groups.get(group) ?? []), c]);
  }
  const parts = [...groups].flatMap(([group, members]) => [...(group ? [make("h3", {}, group)] : []), make("ul", {}, ...members.map(row))]);
  if (!rows.length) parts.push(make("p", { class: "none" }, words[query ? "chats.nothing" : "chats.none"]));
  list.replaceChildren(...parts);
  list.setAttribute("aria-busy", "false");
  if (older) list.append(moreButton());
  if (focused) list.querySelector(`[data-chat="${CSS.escape(focused)}"] .chat`)?.focus();
}

function moreButton() {
  const button = make("button", { type: "button", class: "more", onclick: () => more(button) }, words["chats.more"]);
  const seen = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    seen.disconnect();
    more(button);
  }, { root: list, rootMargin: "200px" });
  seen.observe(button);
  return button;
}

function dayOf(at) {
  const today = new Date().setHours(0, 0, 0, 0);
  if (at >= today) return words["chats.today"];
  if (at >= today - DAY) return words["chats.yesterday"];
  if (at >= today - 7 * DAY) return words["chats.week"];
  if (at >= today - 30 * DAY) return words["chats.month"];
  return new Intl.DateTimeFormat(document.documentElement.lang, { month: "long", year: "numeric" }).format(at);
}

function row(c) {
  const current = c.id === state.conversation;
  const name = make("button", { type: "button", class: "chat", "aria-current": current && "page", onclick: () => choose(c) }, make("bdi", {}, titleOf(c)));
  if (!c.here) name.append(make("small", { class: "place" }, placeOf(c.platform)));
  if (c.answering) name.append(make("span", { class: "answering", role: "img", "aria-label": words["chats.answering"] }));
  if (query && c.excerpt) name.append(make("small", { class: "excerpt" }, c.excerpt));
  const menu = make("button", { type: "button", class: "do", "aria-haspopup": "menu", "aria-expanded": "false",
    "aria-label": words["chats.menu"].replace("{title}", () => titleOf(c)), onclick: () => openMenu(menu, items(c, item)) }, icon("more"));
  const item = make("li", { "data-chat": c.id }, name, menu);
  return item;
}

function choose(c) {
  closeDrawer();
  acts.open(c.id);
}

function items(c, item) {
  const file = (format) => `/api/v1/conversations/${c.id}/export?format=${format}`;
  return [["rename", () => rename(c, item)], ["share", () => shareDialog(c.id, c.title)], ["export.markdown", file("markdown")], ["export.json", file("json")], ["delete", () => remove(c)]];
}

function rename(c, item) {
  const input = make("input", { type: "text", maxlength: "200", "aria-label": words["rename.title"], autocomplete: "off" });
  input.value = c.title;
  const form = make("form", {}, input, make("button", { type: "submit", class: "primary" }, words["rename.save"]));
  const end = () => {
    form.remove();
    render();
    list.querySelector(`[data-chat="${CSS.escape(c.id)}"] .chat`)?.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const title = input.value.trim();
    if (!title || title === c.title) return end();
    const response = await call("PATCH", `/api/v1/conversations/${c.id}`, { title }).catch(() => null);
    if (response?.ok) {
      for (const entry of [known.get(c.id), results.find((r) => r.id === c.id)]) if (entry) entry.title = title;
    } else say(words.failed);
    end();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end();
  });
  item.replaceChildren(form);
  input.focus();
  input.select();
}

// It is gone from the page at once, and from the service as soon as it cannot be undone any more.
function remove(c) {
  const shown = c.id === state.conversation;
  const timer = setTimeout(() => end(false), UNDO);
  const end = async (leaving) => {
    clearTimeout(timer);
    if (leaving) return void fetch(`/api/v1/conversations/${c.id}`, { method: "DELETE", body: "{}", headers: { "Content-Type": "application/json" }, keepalive: true });
    closeToast(c.id);
    const response = await call("DELETE", `/api/v1/conversations/${c.id}`, {}).catch(() => null);
    gone.delete(c.id);
    if (response?.ok || response?.status === 404) {
      known.delete(c.id);
      results = results.filter((r) => r.id !== c.id);
    } else say(words.failed);
    render();
  };
  gone.set(c.id, end);
  if (shown) acts.left();
  render();
  toast(c, () => {
    clearTimeout(timer);
    gone.delete(c.id);
    render();
    if (shown) acts.open(c.id);
    list.querySelector(`[data-chat="${CSS.escape(c.id)}"] .chat`)?.focus();
  });
}

function toast(c, undo) {
  const place = $("toast");
  place.dataset.chat = c.id;
  place.replaceChildren(make("span", {}, words["delete.done"].replace("{title}", () => titleOf(c))), make("button", { type: "button", onclick: () => { closeToast(c.id); undo(); } }, words["delete.undo"]));
  place.hidden = false;
  place.querySelector("button").focus();
}

function closeToast(id) {
  if ($("toast").dataset.chat !== id) return;
  if ($("toast").contains(document.activeElement)) find.focus();
  $("toast").hidden = true;
}

// Up and down between the conversations.
function moved(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(".chat")) return;
  event.preventDefault();
  const all = [...list.querySelectorAll(".chat")];
  all[all.indexOf(event.target) + step]?.focus();
}

export function markCurrent() {
  for (const name of list.querySelectorAll(".chat")) {
    if (name.parentElement.dataset.chat === state.conversation) name.setAttribute("aria-current", "page");
    else name.removeAttribute("aria-current");
  }
}
