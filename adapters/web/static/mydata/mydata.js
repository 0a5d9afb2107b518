// What is kept of the visitor, their accounts, and how to take it along or delete it.

import { copied } from "../copying.js";
import { events, isBroken, Watch } from "../events.js";
import { forgetVisitor, request } from "../identity.js";

const SILENCE = 25000;  // of a stream that has a heartbeat each ten seconds, and of any other answer
const $ = (id) => document.getElementById(id);
const words = JSON.parse($("words").textContent);
const { lang } = document.documentElement;
const day = new Intl.DateTimeFormat(lang, { dateStyle: "long" }), number = new Intl.NumberFormat(lang);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
let mine = null, loads = 0;

const json = (method, body) => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// What a call answers; why that is nothing is told at `place`.
async function call(path, options, place = "state") {
  const { signal, end } = new Watch(SILENCE);
  const response = await request(path, { ...options, signal }).catch(() => null), said = await response?.json().catch(() => null);
  end();
  if (response?.ok && said) return said;
  tellWhy(response, said, place);
  return null;
}

function tellWhy(response, problem, place) {
  $(place).textContent = response && response.status < 500 && problem?.message ? problem.message : words.failed;
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

// What is pressed again before its answer has come is pressed once.
function once(act) {
  let under = null;
  return (event) => {
    event?.preventDefault();
    under ??= act().finally(() => { under = null; });
    return under;
  };
}

// Only the newest answer is shown.
async function load() {
  const wanted = ++loads, found = await call("/api/v1/me");
  if (!found || wanted !== loads) return;
  mine = found;
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
  $("counts").replaceChildren(...kinds.flatMap((kind) => [make("dt", {}, words[`count.${kind}`]), make("dd", {}, number.format(mine.counts[kind]) + (mine.more.includes(kind) ? "+" : ""))]));
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
  const yes = button(words["unlink.yes"], once(async () => {
    if (!(await call("/api/v1/me/unlink", json("POST", { platform: account.platform, user: account.user })))) return;
    await load();
    $("accounts-title").tabIndex = -1;
    $("accounts-title").focus();
  }), "danger");
  const no = button(words.cancel, () => {
    const again = row(account);
    item.replaceWith(again);
    again.querySelector("button").focus();
  });
  item.replaceChildren(make("span", { class: "name" }, filled(words["unlink.about"], { account: name })), yes, no);
  no.focus();
}

async function makeCode() {
  const made = await call("/api/v1/me/code", json("POST", {}), "linked");
  if (!made) return;
  const { code, minutes, links } = made;
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
  const done = await copied($("code").value);
  $("copy").textContent = words[done ? "link.copied" : "link.uncopied"];
  if (!done) $("code").select();
}

// The chat's own command: the gate that counts wrong codes is the same for all.
async function useCode() {
  const written = $("other").value, code = written.trim().replace(/^\/link\s+/i, "");
  const watch = new Watch(SILENCE);
  const response = await request("/api/v1/chat", { ...json("POST", { text: `/link ${code}`, language: lang }), signal: watch.signal }).catch(() => null);
  const [said, problem] = response?.ok ? [await whole(response, watch)] : ["", await response?.json().catch(() => null)];
  watch.end();
  if (!response?.ok || (!said && watch.signal.aborted)) return tellWhy(response, problem, "linked");
  $("linked").textContent = said.replace(/\*\*/g, "") || words["link.unanswered"];
  if ($("other").value === written) $("other").value = "";
  load();  // not waited for: the next code may be sent already
}

// What an answer said, as far as it came.
async function whole(response, watch) {
  let said = "";
  try {
    for await (const [name, data] of events(response.body, watch.alive)) {
      if (name === "chunk") said += data.text;
      else if (name === "replace") said = data.text;
      else if (name === "done" || name === "error") break;
    }
  } catch (error) {
    if (!isBroken(error)) throw error;
  }
  return said;
}

// The same, for as long as it takes; the watch hears each piece of it.
function heard(response, { alive }) {
  const transform = (piece, out) => { alive(); out.enqueue(piece); };
  return new Response(response.body.pipeThrough(new TransformStream({ transform })));
}

// By a fetch and not by a link: in a frame the header says whose data it is. Of a body that broke off
// there is no blob.
async function download() {
  $("exported").textContent = "";
  const watch = new Watch(SILENCE);
  const response = await request("/api/v1/me/export", { signal: watch.signal }).catch(() => null);
  const blob = response?.ok && (await heard(response, watch).blob().catch(() => null));
  watch.end();
  if (!blob) {
    const why = response?.ok ? "export.broken" : response?.status === 429 ? "export.busy" : "failed";
    $("exported").textContent = words[why];
    return;
  }
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: "my-data.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

const typed = () => $("confirm").value.trim().toLowerCase().replace(/\s+/g, " ");

async function erase() {
  if (typed() !== words["delete.word"]) return;
  if (!(await call("/api/v1/me", json("DELETE", { confirm: typed() })))) return;
  loads++;
  forgetVisitor();
  for (const id of ["kept", "accounts", "link", "export", "delete"]) $(id).hidden = true;
  $("state").textContent = words["delete.done"];
  $("again").hidden = false;
  $("again").firstElementChild.focus();
}

$("make").addEventListener("click", once(makeCode));
$("copy").addEventListener("click", copyCode);
$("use").addEventListener("submit", once(useCode));
$("download").addEventListener("click", once(download));
$("erase").addEventListener("submit", once(erase));
$("confirm").addEventListener("input", () => { $("erase").querySelector("button").disabled = typed() !== words["delete.word"]; });
load();
