// Small things: elements, icons, calls of the API, and what the browser remembers.

export const words = JSON.parse(document.getElementById("words").textContent);
export const $ = (id) => document.getElementById(id);
const scroller = document.querySelector("main");
const ICONS = {
  copy: "M9 9h10v11H9zM5 15V4h10",
  retry: "M20 12a8 8 0 1 1-2.5-5.8M20 3v4h-4",
  edit: "M4 20l1-4L16 5l3 3L8 19z",
  good: "M7 11v9H4v-9zM7 11l4-7a2 2 0 0 1 2 2v4h5a2 2 0 0 1 2 2.3l-1 6a2 2 0 0 1-2 1.7H7",
  bad: "M7 13V4H4v9zM7 13l4 7a2 2 0 0 0 2-2v-4h5a2 2 0 0 0 2-2.3l-1-6A2 2 0 0 0 17 4H7",
};

export const memory = {
  get(key) { try { return JSON.parse(localStorage.getItem(`tertulia.${key}`)); } catch { return null; } },
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(`tertulia.${key}`);
      else localStorage.setItem(`tertulia.${key}`, JSON.stringify(value));
    } catch { /* a private window without storage: only the reload is less good */ }
  },
};

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export const action = (name, onclick) =>
  make("button", { type: "button", "aria-label": words[name], title: words[name], "data-do": name, onclick }, icon(name));
export const say = (text) => { $("said").textContent = text; };
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

export function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  return fetch(path, options);
}

const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
export const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; };

export function keepEnd(change) {
  const follow = atEnd();
  change();
  if (follow) toEnd();
}

// Change what stands above, and leave in view what is.
export function keepPlace(change) {
  const height = scroller.scrollHeight;
  change();
  scroller.scrollTop += scroller.scrollHeight - height;
}
