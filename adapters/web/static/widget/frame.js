// In the frame on another site: what it and the page around tell each other, and the site's colour.

import { frame } from "../identity.js";

const busy = () => document.getElementById("stop")?.hidden === false || document.querySelector("dialog[open]") !== null;
let site = "", wasBusy = false;

const tell = (what) => { if (site) parent.postMessage({ tertulia: what }, site); };

function focusEnd() {
  const all = [...document.querySelectorAll("a[href], button, input, textarea")].filter((one) => !one.disabled && one.tabIndex >= 0 && one.getClientRects().length && !one.closest("[inert]"));
  all.at(-1)?.focus();
}

addEventListener("message", (event) => {
  if (event.source !== parent || parent === window || !frame.origins.includes(event.origin)) return;
  site = event.origin;
  const said = event.data?.tertulia;
  if (said === "hello") tell("ready");
  else if (said === "open") (document.getElementById("text") ?? document.querySelector("a, button"))?.focus();
  else if (said === "last") focusEnd();
});

// Esc first ends what is under way here; only then the chat.
addEventListener("keydown", () => { wasBusy = busy(); }, true);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !wasBusy && !event.defaultPrevented && !event.isComposing) tell("close");
});

// Black or white, whichever is read better on the colour (WCAG 2.2, relative luminance).
function ink(hex) {
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

if (/^[0-9a-f]{6}$/.test(frame.colour)) {
  const { dataset, style } = document.documentElement;
  dataset.branded = "";
  style.setProperty("--brand", `#${frame.colour}`);
  style.setProperty("--brand-ink", ink(frame.colour));
}
