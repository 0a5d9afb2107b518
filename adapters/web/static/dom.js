// Small things: elements, icons, calls of the API, and what the browser remembers.

import { copied } from "./copying.js";
import { keyOf, OWN, request } from "./identity.js";

export const words = JSON.parse(document.getElementById("words").textContent);
export const $ = (id) => document.getElementById(id);
const ICONS = {
  copy: "M9 9h10v11H9zM5 15V4h10",
  retry: "M20 12a8 8 0 1 1-2.5-5.8M20 3v4h-4",
  edit: "M4 20l1-4L16 5l3 3L8 19z",
  good: "M7 11v9H4v-9zM7 11l4-7a2 2 0 0 1 2 2v4h5a2 2 0 0 1 2 2.3l-1 6a2 2 0 0 1-2 1.7H7",
  attach: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 4.8 4.8l-8.4 8.4a1.7 1.7 0 0 1-2.4-2.4L14.5 7.3",
  close: "M6 6l12 12M18 6L6 18",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  reuse: "M4 12V6m0 6h6M4.5 12a8 8 0 1 1 2.5 6",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  bad: "M7 13V4H4v9zM7 13l4 7a2 2 0 0 0 2-2v-4h5a2 2 0 0 0 2-2.3l-1-6A2 2 0 0 0 17 4H7",
};

// What is open, being written and under way is its tab's alone.
const store = (key) => (OWN.includes(key) ? sessionStorage : localStorage);
export const memory = {
  get(key) { try { return JSON.parse(store(key).getItem(keyOf(key))); } catch { return null; } },
  set(key, value) {
    try {
      if (value === null) store(key).removeItem(keyOf(key));
      else store(key).setItem(keyOf(key), JSON.stringify(value));
    } catch { /* a private window without storage: only the reload is less good */ }
  },
};

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// Puts these into an element and takes out all others; what stands in its place already is not touched.
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!wanted.has(node)) node.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export const action = (name, onclick, look = name) =>
  make("button", { type: "button", "aria-label": words[name], title: words[name], "data-do": name, onclick }, icon(look));
export const say = (text) => { $("said").textContent = text; };
// For those who listen to the page: once, when something is over.
export const tell = (text) => { $("told").textContent = text; };
// Whether it is copied, which the page says either way.
export async function copyText(text) {
  const done = await copied(text);
  say(done ? words.copied : words["copy.failed"]);
  return done;
}
export const closing = (dialog) => action("close", () => dialog.close());
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

// Text as it can be sent: without what moves a terminal's cursor, control characters, and halves of characters.
const ESCAPES = /\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\))/g, UNSENT = /[\x00-\x08\x0e-\x1f\x7f]|\p{Surrogate}/gu;
export const cleaned = (text) => text.replace(ESCAPES, "").replace(/[\v\f]/g, "\n").replace(UNSENT, "");

export function call(method, path, body, signal) {
  const options = { method, headers: {}, signal };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body, (_, value) => (typeof value === "string" ? cleaned(value) : value));
  }
  return request(path, options);
}
