// What needs somebody, beside the menu's entries and in the title: asked for again while somebody looks.

import { ask } from "./console.js";

const SECONDS = 10;
const told = document.getElementById("needed");
let asking = false;
const title = document.title.replace(/^\(\d+\+?\) /, "");

// Whether there is more than before is said aloud; that there is less is seen.
function show(needs) {
  const more = [];
  for (const [key, { shown, said }] of Object.entries(needs)) {
    for (const node of document.querySelectorAll(`[data-need="${key}"]`)) {
      const [seen, heard] = node.children;
      if ((parseInt(shown) || 0) > (parseInt(seen.textContent) || 0) && !more.includes(said)) more.push(said);
      seen.textContent = shown;
      heard.textContent = said;
      node.hidden = !shown;
    }
  }
  const waiting = needs.conversations?.shown;
  document.title = waiting ? `(${waiting}) ${title}` : title;
  if (more.length) told.textContent = more.join(" ");
}

async function refresh() {
  if (document.hidden || asking) return;
  asking = true;
  try {
    const response = await ask("/console/needs");
    if (response.ok) show(await response.json());
  } catch { /* the next time tells */ }
  asking = false;
}

document.addEventListener("visibilitychange", refresh);
setInterval(refresh, SECONDS * 1000);
