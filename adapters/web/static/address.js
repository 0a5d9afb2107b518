// Where the page stands: each chat has an address, so that a reload, Back and a bookmark find it. A frame on
// another site leaves that site's history alone, and only its own tab remembers.

import { memory } from "./dom.js";
import { frame } from "./identity.js";

const ID = /^([A-Za-z0-9_-]{1,64}|@[0-9]{1,18})$/;
const name = document.title;

export const isId = (id) => ID.test(id);
const told = () => (frame ? "" : new URLSearchParams(location.search).get("chat") ?? "");
export const chatHere = () => told() || (memory.get("conversation") ?? "");

// `how`: "push" a new place, "replace" this one, or "stay" where the browser has gone by itself.
export function moveTo(id, how) {
  memory.set("conversation", id || null);
  if (frame) return;
  const query = id ? `?${new URLSearchParams({ chat: id })}` : "";
  if (how !== "stay" && query !== location.search) history[`${how}State`](null, "", `/${query}`);
  for (const link of document.querySelectorAll("a.language")) {
    link.search = new URLSearchParams({ lang: link.lang, ...(id && { chat: id }) });
  }
}

export const titled = (title) => { document.title = title ? `${title} · ${name}` : name; };

// `left` gets the chat that Back or Forward has come to, "" for a new one.
export function startAddress(left) {
  if (!frame) addEventListener("popstate", () => left(told()));
}
