// What is kept of the visitor, their accounts, and how to take it along or delete it.

import { events } from "../events.js";
import { forgetVisitor, request } from "../identity.js";

const $ = (id) => document.getElementById(id);
const words = JSON.parse($("words").textContent);
const { lang } = document.documentElement;
const day = new Intl.DateTimeFormat(lang, { dateStyle: "long" }), number = new Intl.NumberFormat(lang);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
let mine = null;

const json = (method, body) => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// The answer of a call; why there is none is told at `place`.
async function call(path, options, place = "state") {
  const response = await request(path, options).catch(() => null);
  if (response?.ok) return response;
  const problem = await response?.json().catch(() => null);
  $(place).textContent = response && response.status < 500 && problem?.message ? problem.message : words.failed;
  return null;
}

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function button(text, act, kind = "") {
  const made = make("button", { type: "button", ...(kind && { class: kind }) }, text);
  made.addEventListener("click", act);
  return made;
}

async function load() {
  const response = await call("/api/v1/me");
  if (!response) return;
  mine = await response.json();
  $("state").textContent = mine.known ? "" : words.none;
  for (const id of ["kept", "accounts", "export", "delete"]) $(id).hidden = !mine.known;
  $("link").hidden = mine.role === "blocked";
  $("make").hidden = !mine.may_link;
  if (mine.known) show();
}

function show() {
  const values = { name: mine.name, role: words[`role.${mine.role}`], date: day.format(mine.since * 1000) };
  $("person").textContent = filled(words[mine.name ? "person" : "person.unnamed"], values);
  const kinds = Object.keys(mine.counts).filter((kind) => mine.counts[kind] || ["conversations", "messages", "files", "feedback", "shares"].includes(kind));
  $("counts").replaceChildren(...kinds.flatMap((kind) => [make("dt", {}, words[`count.${kind}`]), make("dd", {}, number.format(mine.counts[kind]))]));
  $("account-list").replaceChildren(...mine.accounts.map(row));
  $("covers").hidden = mine.accounts.length < 2;
  $("covers").textContent = filled(words["delete.linked"], { count: mine.accounts.length });
}

// Of another browser a few signs of its id tell it from the next.
function named(account) {
  const platform = words[`account.${account.platform}`] ?? account.platform;
  if (account.here) return [platform, words["account.here"]];
  return [platform, account.platform === "web" ? account.user.slice(0, 6) : account.user];
}

function row(account) {
  const [platform, which] = named(account);
  const item = make("li", {}, make("span", { class: "name" }, platform, make("small", {}, make("bdi", {}, which))));
  if (mine.accounts.length > 1) item.append(button(words.unlink, () => ask(item, account, `${platform} (${which})`)));
  return item;
}

function ask(item, account, name) {
  const yes = button(words["unlink.yes"], async () => {
    if (!(await call("/api/v1/me/unlink", json("POST", { platform: account.platform, user: account.user })))) return;
    await load();
    $("accounts-title").tabIndex = -1;
    $("accounts-title").focus();
  }, "danger");
  const no = button(words.cancel, () => {
    const again = row(account);
    item.replaceWith(again);
    again.querySelector("button").focus();
  });
  item.replaceChildren(make("span", { class: "name" }, filled(words["unlink.about"], { account: name })), yes, no);
  no.focus();
}

async function makeCode() {
  const response = await call("/api/v1/me/code", json("POST", {}), "linked");
  if (!response) return;
  const { code, minutes, links } = await response.json();
  $("code").value = `/link ${code}`;
  $("copy").textContent = words["link.copy"];
  $("how").textContent = filled(words["link.how"], { minutes });
  $("opens").replaceChildren(...Object.entries(links).filter(([, link]) => link.startsWith("https://")).map(([platform, link]) =>
    make("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, filled(words["link.open"], { platform: words[`account.${platform}`] ?? platform }))));
  $("opens").hidden = !$("opens").children.length;
  $("made").hidden = false;
  $("code").focus();
  $("code").select();
  if (!mine?.known) load();
}

async function copyCode() {
  try {
    await navigator.clipboard.writeText($("code").value);
    $("copy").textContent = words["link.copied"];
  } catch { $("code").select(); }
}

// The chat's own command: the gate that counts wrong codes is the same for all.
async function useCode(event) {
  event.preventDefault();
  const code = $("other").value.trim().replace(/^\/link\s+/i, "");
  const response = await call("/api/v1/chat", json("POST", { text: `/link ${code}`, language: lang }), "linked");
  if (!response) return;
  let said = "";
  for await (const [name, data] of events(response.body)) {
    if (name === "chunk") said += data.text;
    else if (name === "replace") said = data.text;
    else if (name === "done" || name === "error") break;
  }
  $("linked").textContent = said.replace(/\*\*/g, "") || words["link.unanswered"];
  $("other").value = "";
  await load();
}

// By a fetch and not by a link: in a frame the header says whose data it is.
async function download() {
  const response = await call("/api/v1/me/export");
  if (!response) return;
  const address = URL.createObjectURL(await response.blob());
  make("a", { href: address, download: "my-data.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

const typed = () => $("confirm").value.trim().toLowerCase().replace(/\s+/g, " ");

async function erase(event) {
  event.preventDefault();
  if (typed() !== words["delete.word"]) return;
  if (!(await call("/api/v1/me", json("DELETE", { confirm: typed() })))) return;
  forgetVisitor();
  for (const id of ["kept", "accounts", "link", "export", "delete"]) $(id).hidden = true;
  $("state").textContent = words["delete.done"];
  $("again").hidden = false;
  $("again").firstElementChild.focus();
}

$("make").addEventListener("click", makeCode);
$("copy").addEventListener("click", copyCode);
$("use").addEventListener("submit", useCode);
$("download").addEventListener("click", download);
$("erase").addEventListener("submit", erase);
$("confirm").addEventListener("input", () => { $("erase").querySelector("button").disabled = typed() !== words["delete.word"]; });
load();
