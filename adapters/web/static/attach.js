// Files that go with the next question: brought by the button, by dropping or by pasting, sent at once,
// and shown as chips until they are asked about.

import { $, action, call, icon, make, say, words } from "./dom.js";
import { frame, identity, request } from "./identity.js";
import { fileRefusal, waitOf } from "./refusal.js";

const MOST = 10;
const limit = Number($("composer").dataset.limit);
const list = $("chips");
const elsewhere = new Map();  // the chips of other chats, by the chat
let chips = [], changed = () => {};

export const address = (id) => `/api/v1/files/${id}`;
export const bytes = (size) => (size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${Math.round(size / 1e5) / 10} MB`);
export const waiting = () => chips.some((chip) => chip.sending);
const filesOf = (some) => some.filter((chip) => chip.file).map((chip) => chip.file);
export const attached = () => filesOf(chips);
// Of each other chat that was looked at.
export const attachedElsewhere = () => [...elsewhere].filter(([name]) => name !== null).map(([name, some]) => [name, filesOf(some)]);

// A frame on another site says by a header who asks, which no link or picture can: it fetches them.
async function content(file) {
  const response = await request(address(file.id)).catch(() => null);
  return response?.ok ? response.blob() : null;
}

async function save(event, file) {
  event.preventDefault();
  const blob = await content(file);
  if (!blob) return say(words.failed);
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function image(file, alt) {
  const shown = make("img", { alt, loading: "lazy" });
  if (!frame) shown.src = address(file.id);
  else content(file).then((blob) => {
    const reader = new FileReader();
    reader.onload = () => { shown.src = reader.result; };
    if (blob) reader.readAsDataURL(blob);
  });
  return shown;
}

// What a file looks like beside a question: a picture, or its name. Both open or save it.
export function picture(file) {
  const inside = file.image ? image(file, file.name) : make("span", { class: "file" }, icon("file"), make("bdi", {}, file.name));
  return make("a", { href: address(file.id), target: "_blank", rel: "noopener", download: file.image ? false : file.name, title: file.name, ...(frame && { onclick: (event) => save(event, file) }) }, inside);
}

export function clearAttached() {
  chips = [];
  show();
}

// The chips of one chat give way to those of another; `files` if it has none yet. What is being sent goes on.
// Those of no chat (null) stay.
export function switchAttached(from, to, files) {
  const stay = from === null ? chips : [];
  elsewhere.set(from, chips);
  chips = [...(elsewhere.get(to) ?? files.map(chipFor)), ...stay];
  elsewhere.delete(to);
  show();
}

// To the chips of a chat that is not shown, if it has any.
export function attachElsewhere(name, files) {
  if (elsewhere.has(name)) elsewhere.set(name, [...files.map(chipFor), ...elsewhere.get(name)]);
}

export function attach(files) {
  chips = [...files.map(chipFor), ...chips];
  show();
}

function chipFor(file) {
  const chip = { sending: true, file: null };
  bare(chip, file);
  chip.end("", file);
  return chip;
}

function show() {
  list.replaceChildren(...chips.map((chip) => chip.root));
  list.hidden = chips.length === 0;
  changed();
}

function add(files) {
  for (const file of files) {
    if (chips.length >= MOST) return say(words["attach.most"]);
    chips.push(chipOf(file));
  }
  show();
}

function bare(chip, file) {
  const bar = make("progress", { max: 1, value: 0, "aria-label": file.name });
  const note = make("small", { role: "status" });
  const look = make("div", { class: "look" }, icon("file"));
  const remove = action("attach.remove", () => drop(chip), "close");
  remove.setAttribute("aria-label", `${words["attach.remove"]}: ${file.name}`);
  chip.root = make("li", { class: "chip" }, look, make("bdi", {}, file.name || words["attach.file"]), note, bar, remove);
  chip.end = (trouble, stored) => {
    chip.sending = false;
    chip.file = stored;
    bar.remove();
    const unseen = stored?.unreadable ? words["attach.unreadable"] : words["attach.unseen"];
    note.textContent = trouble || (stored?.image && stored.seen === false ? unseen : bytes(file.size));
    chip.root.classList.toggle("trouble", Boolean(trouble));
    if (stored?.image) look.replaceChildren(image(stored, ""));
    changed();
  };
  return bar;
}

function chipOf(file) {
  const chip = { sending: true, file: null }, bar = bare(chip, file);
  if (file.size === 0) chip.end(words["attach.empty"]);
  else if (file.size > limit) chip.end(words["attach.large"].replace("{limit}", bytes(limit)));
  else chip.request = send(file, bar, chip.end);
  return chip;
}

// An XMLHttpRequest, as fetch does not tell how far an upload has come.
function send(file, bar, end) {
  const sending = new XMLHttpRequest(), body = new FormData();
  body.append("file", file, file.name || "file");
  sending.open("POST", "/api/v1/files");
  for (const [name, value] of Object.entries(identity)) sending.setRequestHeader(name, value);
  sending.responseType = "json";
  sending.upload.addEventListener("progress", (event) => { bar.value = event.lengthComputable ? event.loaded / event.total : 0; });
  sending.addEventListener("load", () => (sending.status === 200 && sending.response ? end("", sending.response) : end(fileRefusal(sending.status, waitOf(sending.getResponseHeader("Retry-After")), bytes(limit)))));
  sending.addEventListener("error", () => end(words["attach.failed"]));
  sending.send(body);
  return sending;
}

function drop(chip) {
  if (chip.sending) chip.request.abort();
  if (chip.file && !chips.some((other) => other !== chip && other.file?.id === chip.file.id)) call("DELETE", address(chip.file.id), {}).catch(() => {});
  chips = chips.filter((other) => other !== chip);
  show();
  $("text").focus();
}

// Spreadsheets and slides put a picture of the text beside it; browsers give that name to what is no file.
const isLikeness = (file) => file.name === "image.png";

const brings = (event) => limit > 0 && [...(event.dataTransfer?.types ?? [])].includes("Files");

function startDropping() {
  const over = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  document.addEventListener("drop", (event) => {
    over(false);
    if (!brings(event)) return;
    event.preventDefault();
    add(event.dataTransfer.files);
  });
}

export function startAttaching(onchange) {
  changed = onchange;
  if (!limit) return;
  $("attach").addEventListener("click", () => $("pick").click());
  $("pick").addEventListener("change", () => {
    add($("pick").files);
    $("pick").value = "";
    $("text").focus();
  });
  $("text").addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    if (!files.length || (event.clipboardData.getData("text/plain") && [...files].every(isLikeness))) return;
    event.preventDefault();
    add(files);
  });
  startDropping();
}
