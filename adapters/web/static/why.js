// Why an answer was good or bad: a few reasons to press, and words of one's own.

import { action, make, words } from "./dom.js";

const REASONS = { 1: ["right", "clear", "complete"], [-1]: ["wrong", "incomplete", "beside", "sources", "unclear"] };

// The form; `send` gets the reason as one text, `close` is called when there is none.
export function whyForm(value, send, close) {
  const presses = REASONS[value].map((name) => {
    const button = make("button", { type: "button", class: "press", "aria-pressed": "false", "data-reason": name }, words[`why.${name}`]);
    button.addEventListener("click", () => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")));
    return button;
  });
  const more = make("textarea", { rows: "2", maxlength: "1500", placeholder: words["why.more"], "aria-label": words["why.more"] });
  const form = make("form", { class: "why", "aria-label": words.why }, make("div", { class: "head" }, make("strong", {}, words.why), action("close", close)),
    make("div", { class: "presses" }, ...presses), more, make("button", { type: "submit", class: "primary" }, words["why.send"]));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = presses.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.reason);
    const reason = [chosen.join(", "), more.value.trim()].filter(Boolean).join(": ");
    if (reason) send(reason);
    else close();
  });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.isComposing) { event.stopPropagation(); close(); } });
  return form;
}
