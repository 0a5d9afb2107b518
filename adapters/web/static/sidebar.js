// The visitor's conversations: by day, searched, renamed, deleted, shared. Titles and excerpts reach the
// document as text.

import { $, arrange, call, icon, make, say, words } from "./dom.js";
import { closeDrawer } from "./drawer.js";
import { openMenu, tidyMenu } from "./menu.js";
import { morph } from "./morph.js";
import { shareDialog, sharesDialog } from "./share.js";
import { state } from "./state.js";

const UNDO = 6000, TYPING = 200, DAY = 24 * 3600 * 1000;
const list = $("list"), find = $("find");
const known = new Map();  // those of the list, by id
const gone = new Map();  // those that are deleted unless it is undone, by id
const buried = new Set();  // ids of those that are deleted: what was asked before may still bring them
const rows = new Map(), days = new Map();  // what is shown, by id and by its heading
const further = make("button", { type: "button", class: "more", onclick: more }, words["chats.more"]);
const seen = new IntersectionObserver((told) => { if (told.at(-1).isIntersecting) more(); }, { root: list, rootMargin: "200px" });
let query = "", older = "", rest = null, results = [], failed = false, acts = null;
let asked = 0, found = 0, fetching = -1, late = false, writing = () => {};
// `query` is the search that is shown, `rest` is where the whole list goes on, `older` what is shown; `asked` and
// `found` count searches, `fetching` is that whose next page is on its way. `writing` ends a title's being written.

export const placeOf = (platform) => words[`chats.${platform}`] ?? platform;
const titleOf = (c) => c.title || words.untitled;
export const knownTitle = (id) => known.get(id)?.title ?? "";
const newest = (a, b) => b.active_at - a.active_at;
const entryOf = (id) => known.get(id) ?? results.find((c) => c.id === id);

// `open` shows a conversation, `left` is called when the one that is shown is deleted.
export function startSidebar(given) {
  acts = given;
  let timer = 0;
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, TYPING);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing || !find.value) return;
    event.preventDefault();
    find.value = "";
    search();
  });
  list.addEventListener("keydown", moved);
  // a press is over once its click, if it is one, has been told
  for (const name of ["pointerup", "pointercancel", "keyup"]) addEventListener(name, () => { if (late) setTimeout(render); });
  $("shared-links").addEventListener("click", sharesDialog);
  addEventListener("pagehide", () => { for (const end of gone.values()) end(true); });
}

async function page(words, before) {
  const given = new URLSearchParams({ ...(words && { query: words }), ...(before && { before }) });
  const response = await call("GET", `/api/v1/conversations?${given}`).catch(() => null);
  const said = response?.ok ? await response.json().catch(() => null) : null;
  return said && { ...said, conversations: said.conversations.filter((c) => !buried.has(c.id)) };
}

// What live.js tells.
export function sidebarTold(name, data) {
  if (name === "deleted") bury(data.id);
  else if (name === "conversation") learn(data);
  else {
    const { conversations } = data, end = conversations.at(-1)?.active_at ?? 0, ids = new Set(conversations.map((c) => c.id));
    for (const [id, c] of known) if ((c.active_at >= end || !data.older) && !ids.has(id)) known.delete(id);
    conversations.forEach(learn);
    rest ??= data.older;
    if (!query) older = rest;
  }
  render();
}

function learn(c) {
  buried.delete(c.id);
  known.set(c.id, c);
  results = results.map((r) => (r.id === c.id ? { ...c, excerpt: r.excerpt } : r));
}

function bury(id) {
  buried.add(id);
  known.delete(id);
  results = results.filter((r) => r.id !== id);
}

async function search() {
  const wanted = ++asked, written = find.value.trim();
  writing();
  const first = written && (await page(written, ""));
  if (wanted !== asked) return;
  query = written;
  found++;
  failed = first === null;
  results = first?.conversations ?? [];
  older = query ? first?.older ?? "" : rest ?? "";
  if (query) told();
  render();
}

function searchAgain() {
  find.focus();
  search();
}

// A search that has not looked through all goes on as the end of the list comes into view.
function told() {
  say(failed ? words["chats.unfound"] : results.length || older ? "" : words["chats.nothing"]);
}

async function more() {
  if (fetching === found) return;
  const wanted = fetching = found;
  seen.unobserve(further);
  const next = await page(query, older);
  if (wanted !== found) return;
  fetching = -1;
  if (!next) return say(words.failed);
  older = next.older;
  if (query) {
    const ids = new Set(results.map((c) => c.id));
    results.push(...next.conversations.filter((c) => !ids.has(c.id)));
    told();
  } else {
    rest = older;
    for (const c of next.conversations) if (!known.has(c.id)) known.set(c.id, c);
  }
  render();
}

// What is shown already stays, and while a press is on or a title is being written, all of it does.
function render() {
  late = list.matches(":active") || list.querySelector("form") !== null;
  if (late) return;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const shown = (query ? results : [...known.values()].sort(newest)).filter((c) => !gone.has(c.id));
  const parts = sections(shown);
  if (query && failed) parts.push(make("p", { class: "none" }, words["chats.unfound"]), make("button", { type: "button", class: "more", onclick: searchAgain }, words["chats.again"]));
  else if (!shown.length && !older) parts.push(make("p", { class: "none" }, words[query ? "chats.nothing" : "chats.none"]));
  arrange(list, [...parts, ...(older ? [further] : [])]);
  list.setAttribute("aria-busy", "false");
  if (older && fetching !== found) seen.observe(further);
  tidyMenu();
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

function sections(shown) {
  const groups = new Map();
  for (const c of shown) {
    const day = query ? "" : dayOf(c.active_at * 1000);
    if (!groups.has(day)) groups.set(day, []);
    groups.get(day).push(rowOf(c));
  }
  const ids = new Set(shown.map((c) => c.id));
  for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
  return [...groups].flatMap(([day, members]) => {
    if (!days.has(day)) days.set(day, [...(day ? [make("h3", {}, day)] : []), make("ul")]);
    arrange(days.get(day).at(-1), members);
    return days.get(day);
  });
}

function dayOf(at) {
  const today = new Date().setHours(0, 0, 0, 0);
  if (at >= today) return words["chats.today"];
  if (at >= today - DAY) return words["chats.yesterday"];
  if (at >= today - 7 * DAY) return words["chats.week"];
  if (at >= today - 30 * DAY) return words["chats.month"];
  return new Intl.DateTimeFormat(document.documentElement.lang, { month: "long", year: "numeric" }).format(at);
}

// The row of a conversation, which stays the same however often the list is told of it.
function rowOf(c) {
  if (!rows.has(c.id)) rows.set(c.id, bareRow(c.id));
  const { item, name, menu } = rows.get(c.id);
  morph(name, faceOf(c));
  mark(c.id, name);
  menu.setAttribute("aria-label", words["chats.menu"].replace("{title}", () => titleOf(c)));
  return item;
}

function bareRow(id) {
  const name = make("button", { type: "button", class: "chat", onclick: () => choose(id) });
  const menu = make("button", { type: "button", class: "do", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => openMenu(menu, items(id)) }, icon("more"));
  return { item: make("li", { "data-chat": id }, name, menu), name, menu };
}

function faceOf(c) {
  const face = make("div", {}, make("bdi", {}, titleOf(c)));
  if (!c.here) face.append(make("small", { class: "place" }, placeOf(c.platform)));
  if (c.answering) face.append(make("span", { class: "answering", role: "img", "aria-label": words["chats.answering"] }));
  if (query && c.excerpt) face.append(make("small", { class: "excerpt" }, c.excerpt));
  return face;
}

function choose(id) {
  closeDrawer();
  acts.open(id);
}

function items(id) {
  const file = (format) => `/api/v1/conversations/${id}/export?format=${format}`, act = (what) => () => { if (entryOf(id)) what(entryOf(id)); };
  return [["rename", act(rename)], ["share", act((c) => shareDialog(id, c.title))], ["export.markdown", file("markdown")], ["export.json", file("json")], ["delete", act(remove)]];
}

// What was written stays until it is saved or given up.
function rename({ id, title: before }) {
  writing();
  const { item, name, menu } = rows.get(id);
  const input = make("input", { type: "text", maxlength: "200", "aria-label": words["rename.title"], autocomplete: "off" });
  input.value = before;
  const form = make("form", {}, input, make("button", { type: "submit", class: "primary" }, words["rename.save"]));
  const end = writing = () => {
    writing = () => {};
    const focused = form.contains(document.activeElement);
    item.replaceChildren(name, menu);
    render();
    if (focused) name.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const title = input.value.trim();
    if (input.readOnly) return;
    if (!title || title === before) return end();
    input.readOnly = true;
    const response = await call("PATCH", `/api/v1/conversations/${id}`, { title }).catch(() => null);
    input.readOnly = false;
    if (!response?.ok) return say(words.failed);
    for (const entry of [known.get(id), results.find((r) => r.id === id)]) if (entry) entry.title = title;
    if (writing === end) end();
    else render();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
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
    closeToast(c.id);
    const response = await (leaving ? deleteLeaving(c.id) : call("DELETE", `/api/v1/conversations/${c.id}`, {})).catch(() => null);
    gone.delete(c.id);
    if (response?.ok || response?.status === 404) bury(c.id);
    else say(words.failed);
    render();
  };
  gone.set(c.id, end);
  if (shown) acts.left();
  render();
  toast(c, () => {
    clearTimeout(timer);
    gone.delete(c.id);
    render();
    rows.get(c.id)?.name.focus();
    // whoever has gone on meanwhile stays there
    if (shown && !state.conversation && !state.running) acts.open(c.id);
  });
}

// The page is on its way out, or into the browser's memory, from which it may come back.
const deleteLeaving = (id) => fetch(`/api/v1/conversations/${id}`, { method: "DELETE", body: "{}", headers: { "Content-Type": "application/json" }, keepalive: true });

function toast(c, undo) {
  const button = make("button", { type: "button", onclick: () => { closeToast(c.id); undo(); } }, words["delete.undo"]);
  $("toast").append(make("div", { "data-chat": c.id }, make("span", {}, words["delete.done"].replace("{title}", () => titleOf(c))), button));
  $("toast").hidden = false;
  button.focus();
}

function closeToast(id) {
  const told = $("toast").querySelector(`[data-chat="${CSS.escape(id)}"]`), focused = told?.contains(document.activeElement);
  told?.remove();
  $("toast").hidden = !$("toast").children.length;
  if (focused) ($("toast").querySelector("button") ?? find).focus();
}

// Up and down between the conversations.
function moved(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches(".chat")) return;
  event.preventDefault();
  const all = [...list.querySelectorAll(".chat")];
  all[all.indexOf(event.target) + step]?.focus();
}

function mark(id, name) {
  if (id === state.conversation) name.setAttribute("aria-current", "page");
  else name.removeAttribute("aria-current");
}

export function markCurrent() {
  for (const [id, { name }] of rows) mark(id, name);
}
