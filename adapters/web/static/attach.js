// Files that go with the next question: brought by the button, by dropping or by pasting, sent at once,
// and shown as chips until they are asked about.

import { $, action, call, icon, make, say, words } from "./dom.js";

const MOST = 10;
const limit = Number($("composer").dataset.limit);
const list = $("chips");
let chips = [], changed = () => {};

export const address = (id) => `/api/v1/files/${id}`;
export const bytes = (size) => (size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${Math.round(size / 1e5) / 10} MB`);
export const waiting = () => chips.some((chip) => chip.sending);
export const attached = () => chips.filter((chip) => chip.file).map((chip) => chip.file);

// What a file looks like beside a question: a picture, or its name. Both open or save it.
export function picture(file) {
  const inside = file.image ? make("img", { src: address(file.id), alt: file.name, loading: "lazy" }) : make("span", { class: "file" }, icon("file"), make("bdi", {}, file.name));
  return make("a", { href: address(file.id), target: "_blank", rel: "noopener", download: file.image ? false : file.name, title: file.name }, inside);
}

export function clearAttached() {
  chips = [];
  show();
}

function show() {
  list.replaceChildren(...chips.map((chip) => chip.root));
  list.hidden = chips.length === 0;
  changed();
}

function add(files) {
  for (const file of files) {
    if (chips.length === MOST) return say(words["attach.most"]);
    chips.push(chipOf(file));
  }
  show();
}

function chipOf(file) {
  const chip = { sending: true, file: null };
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
    note.textContent = trouble || bytes(file.size);
    chip.root.classList.toggle("trouble", Boolean(trouble));
    if (stored?.image) look.replaceChildren(make("img", { src: address(stored.id), alt: "" }));
    changed();
  };
  if (file.size === 0) chip.end(words["attach.empty"]);
  else if (file.size > limit) chip.end(words["attach.large"].replace("{limit}", bytes(limit)));
  else chip.request = send(file, bar, chip.end);
  return chip;
}

// An XMLHttpRequest, as fetch does not tell how far an upload has come.
function send(file, bar, end) {
  const request = new XMLHttpRequest(), body = new FormData();
  body.append("file", file, file.name || "file");
  request.open("POST", "/api/v1/files");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => { bar.value = event.lengthComputable ? event.loaded / event.total : 0; });
  request.addEventListener("load", () => (request.status === 200 ? end("", request.response) : end(request.response?.message ?? words["attach.failed"])));
  request.addEventListener("error", () => end(words["attach.failed"]));
  request.send(body);
  return request;
}

function drop(chip) {
  if (chip.sending) chip.request.abort();
  if (chip.file && !chips.some((other) => other !== chip && other.file?.id === chip.file.id)) call("DELETE", address(chip.file.id), {}).catch(() => {});
  chips = chips.filter((other) => other !== chip);
  show();
  $("text").focus();
}

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
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    add(event.clipboardData.files);
  });
  startDropping();
}
