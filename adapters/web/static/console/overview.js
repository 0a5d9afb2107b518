// The overview in the browser: draws the charts, and keeps all of it as it is now.

import { chart, cell } from "./charts.js";
import { ask } from "./console.js";
import { isUnderHand } from "./hand.js";

const SECONDS = 5;
const place = document.getElementById("charts");
const updated = document.getElementById("updated");
const language = document.documentElement.lang;
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const drawn = new Map();
let last = Date.now();
let lost = false;
let latest = null;

function tell() {
  const seconds = Math.round((Date.now() - last) / 1000);
  const words = seconds < 60 ? ago.format(-seconds, "second") : ago.format(-Math.round(seconds / 60), "minute");
  updated.classList.toggle("lost", lost);
  const text = (lost ? updated.dataset.lost : updated.dataset.text).replace("{ago}", words);
  updated.querySelector(".words").textContent = text;
}

function figures(stats) {
  document.querySelectorAll("#stats .stat").forEach((node, number) => {
    const { value, trend, kind } = stats[number];
    node.className = `stat ${kind}`.trim();
    const [first, second] = node.querySelectorAll("dd");
    if (first.textContent !== value) first.textContent = value;
    if (second.textContent !== trend) second.textContent = trend;
  });
}

function row(cells, labels) {
  const line = document.createElement("tr");
  cells.forEach((text, number) => {
    const node = line.insertCell();
    node.textContent = text;
    node.dataset.label = labels[number];
    if (number) node.className = "number";
  });
  return line;
}

// What somebody has selected to copy stays until they are done.
function put(body, rows) {
  if (!isUnderHand(body)) body.replaceChildren(...rows);
}

// What those read who see no chart; nobody reads a table that is closed.
function table(figure, told, times) {
  if (!figure.querySelector("details").open) return;
  const labels = [...figure.querySelectorAll("th")].map((node) => node.textContent);
  if (labels.length !== told.series.length + 1) return;
  const rows = [];
  for (let n = times.length - 1; n >= 0; n -= 1) {
    const values = told.series.map((series) => series.values[n]);
    if (values.some(Boolean)) {
      rows.push(row([moment.format(times[n] * 1000), ...values.map((value) => cell(value, told.unit))], labels));
    }
  }
  if (rows.length) put(figure.querySelector("tbody"), rows);
}

function causes(found) {
  const node = document.getElementById("causes");
  const labels = [...node.querySelectorAll("th")].map((head) => head.textContent);
  const rows = found.map((cause) => row([cause.what, cause.kind, cause.count], labels));
  for (const line of rows) line.cells[1].className = "";
  put(node.querySelector("tbody"), rows);
  node.hidden = !rows.length;
}

function show(told) {
  latest = told;
  figures(told.stats);
  causes(told.causes);
  for (const [key, one] of Object.entries(told.charts)) {
    const figure = document.getElementById(key);
    if (!drawn.has(key)) drawn.set(key, chart(figure, place.dataset.none));
    drawn.get(key)(told.times, told.step, one);
    table(figure, one, told.times);
  }
}

async function refresh() {
  try {
    const response = await ask(place.dataset.source);
    if (response.status === 401) return location.reload();
    if (!response.ok) throw new Error(response.statusText);
    const told = await response.json();
    // the first question was asked: from now on the page looks another way
    if (place.dataset.fresh && !told.fresh) return location.reload();
    last = Date.now();
    lost = false;
    show(told);
  } catch {
    lost = true;
  }
  tell();
  setTimeout(follow, SECONDS * 1000);
}

// Nobody looks at a hidden tab: it asks again once it is seen.
function follow() {
  if (document.hidden) document.addEventListener("visibilitychange", follow, { once: true });
  else refresh();
}

for (const figure of place.querySelectorAll("figure")) {
  figure.querySelector("details").addEventListener("toggle", () => latest && table(figure, latest.charts[figure.id], latest.times));
}

setInterval(() => document.hidden || tell(), 1000);
tell();
follow();
