// Sharing: a link for everybody who has it, and the links that work.

import { $, call, closing, copyText, make, say, words } from "./dom.js";

const DAYS = [1, 7, 30];
const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

function shown(id, ...content) {
  $(id)?.remove();
  const dialog = make("dialog", { id, "aria-labelledby": `${id}-title`, class: "sharing" }, ...content);
  dialog.prepend(make("header", {}, make("h2", { id: `${id}-title` }, id === "share" ? words["share.title"] : words["share.list"]), closing(dialog)));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function shareDialog(id, title) {
  const heading = make("input", { id: "share-heading", type: "text", maxlength: "200", autocomplete: "off", "aria-describedby": "share-hint" });
  heading.value = title;
  const days = DAYS.map((number) => make("label", {}, make("input", { type: "radio", name: "days", value: number, checked: number === 7 }), words[`share.days.${number}`]));
  const form = make("form", {}, make("p", {}, words["share.about"]), make("label", { for: "share-heading" }, words["share.heading"]), heading,
    make("small", { id: "share-hint" }, words["share.heading.hint"]), make("fieldset", {}, make("legend", {}, words["share.days"]), ...days),
    make("p", { class: "trouble", role: "alert", hidden: true }), make("button", { type: "submit", class: "primary" }, words["share.make"]));
  let making = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (making) return;
    making = true;
    const body = { days: Number(new FormData(form).get("days")), title: heading.value.trim() };
    const response = await call("POST", `/api/v1/conversations/${id}/shares`, body).catch(() => null);
    const made = await response?.json().catch(() => null);
    making = false;
    // a link that nobody has seen does not stay
    if (response?.ok && made && !form.isConnected) return takeBack(made);
    if (response?.ok && made) return form.replaceWith(linkOf(made));
    const trouble = form.querySelector(".trouble");
    trouble.textContent = made?.message ?? words.failed;
    trouble.hidden = false;
  });
  shown("share", form);
}

function linkOf(made) {
  const link = make("input", { id: "share-link", type: "text", readonly: true });
  link.value = new URL(made.path, location.href).href;
  link.addEventListener("focus", () => link.select());
  const copy = make("button", { type: "button", class: "primary", onclick: async () => {
    const done = await copyText(link.value);
    copy.textContent = done ? words.copied : words["copy.failed"];
    if (!done) link.select();
  } }, words["share.copy"]);
  queueMicrotask(() => copy.focus());
  return make("div", { class: "made" }, make("label", { for: "share-link" }, words["share.link"]), link,
    make("small", {}, `${words["share.once"]} ${until(made)}`), copy);
}

const until = (share) => words["share.until"].replace("{date}", () => day.format(share.expires_at * 1000));

export async function sharesDialog() {
  const list = make("ul", { "aria-busy": "true" });
  shown("shares", list);
  await listed(list, "");
  if (!list.children.length) list.append(make("li", {}, words["share.none"]));
}

// Appends the links from `before` on, in the place of the button `more` that asked for them.
async function listed(list, before, more = null) {
  const query = new URLSearchParams(before && { before });
  const response = await call("GET", `/api/v1/shares?${query}`).catch(() => null);
  const page = response?.ok ? await response.json().catch(() => null) : null;
  list.setAttribute("aria-busy", "false");
  if (!page) {
    if (more) more.disabled = false;
    return more ? say(words.failed) : list.append(make("li", {}, words.failed));
  }
  const rows = page.shares.map(rowOf);
  list.append(...rows);
  if (page.older) list.append(make("li", {}, further(list, page.older)));
  if (!more) return;
  more.closest("li").remove();
  rows[0]?.querySelector("button").focus();
}

function further(list, before) {
  const button = make("button", { type: "button", onclick: () => {
    button.disabled = true;
    listed(list, before, button);
  } }, words["share.more"]);
  return button;
}

const takeBack = (share) => call("DELETE", `/api/v1/shares/${share.id}`, {}).catch(() => null);

function rowOf(share) {
  let leaving = false;
  const row = make("li", {}, make("div", {}, make("bdi", {}, share.title || words.untitled), make("small", {}, until(share))),
    make("button", { type: "button", onclick: async () => {
      if (leaving) return;
      leaving = true;
      const back = await takeBack(share);
      leaving = false;
      if (!back?.ok && back?.status !== 404) return say(words.failed);
      const list = row.parentElement, focused = row.contains(document.activeElement);
      row.remove();
      if (!list.children.length) list.append(make("li", {}, words["share.none"]));
      if (focused) $("shares")?.querySelector("button")?.focus();
    } }, words["share.back"]));
  return row;
}
