// Dark, light, or as the system has it; the server writes the page in what the cookie says.

import { $, icon, words } from "./dom.js";
import { onTold, tellTabs } from "./tabs.js";

const THEMES = ["auto", "light", "dark"];
const YEAR = 365 * 24 * 3600;

function show(theme) {
  document.documentElement.dataset.theme = theme;
  const label = `${words.theme}: ${words[`theme.${theme}`]}`;
  $("theme").replaceChildren(icon(theme));
  $("theme").setAttribute("aria-label", label);
  $("theme").title = label;
}

export function startTheme() {
  show(document.documentElement.dataset.theme);
  $("theme").addEventListener("click", () => {
    const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    document.cookie = `tertulia_theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
    show(theme);
    tellTabs("theme", theme);
  });
  onTold("theme", show);
}
