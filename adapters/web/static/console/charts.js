// One chart: counts as stacked bars, durations and shares as lines. uPlot draws; the legend is ours.

const language = document.documentElement.lang;
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const HEIGHT = 184;
const DAY = 86400;

// A value as it stands in a table.
export function cell(value, unit) {
  if (value === null) return "–";
  if (unit === "seconds") return `${value.toFixed(2)} s`;
  if (unit === "level") return fine.format(value);
  return unit === "share" ? `${Math.round(value * 100)}%` : whole.format(value);
}

function tick(value, unit) {
  if (unit === "seconds") return `${+value.toFixed(2)} s`;
  if (unit === "share") return `${Math.round(value * 100)}%`;
  return Number.isInteger(value) ? compact.format(value) : "";
}

// A time for the axis, or, in full, for the legend. Days are those of UTC, as they are summed up.
function time(at, step, full) {
  const date = new Date(at * 1000);
  if (step >= DAY) return date.toLocaleDateString(language, { month: "short", day: "numeric", timeZone: "UTC" });
  const midnight = !date.getHours() && !date.getMinutes();
  const day = { month: "short", day: "numeric" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  if (full) return date.toLocaleString(language, step >= 900 ? { ...day, ...clock } : clock);
  return midnight ? date.toLocaleDateString(language, day) : date.toLocaleTimeString(language, clock);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Bars stand on one another: each series is drawn up to its sum with those below it, the highest first.
function stacked(series) {
  const sums = [];
  series.forEach((one, n) => sums.push(one.values.map((value, i) => value + (n ? sums[n - 1][i] : 0))));
  return sums.reverse();
}

// A line needs two values: one that has none beside it is a dot.
function alone(u, series) {
  const values = u.data[series];
  return values.map((value, n) => n).filter((n) => values[n] !== null && (values[n - 1] ?? null) === null && (values[n + 1] ?? null) === null);
}

function lines(told) {
  const bars = told.unit === "count";
  const shown = bars ? [...told.series].reverse() : told.series;
  return shown.map((one) => {
    const stroke = colour(one.colour);
    if (bars) return { fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 28], radius: 0.12 }) };
    return { stroke, width: 2, spanGaps: false, points: { show: true, size: 6, fill: stroke, width: 0, filter: alone } };
  });
}

function options(figure, told, step, width, over) {
  const axis = { stroke: colour("soft"), font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const grid = { stroke: colour("line"), width: 1 };
  const highest = (u, low, high) => [0, told.unit === "share" ? 1 : Math.max(high * 1.08, told.unit === "seconds" ? 0.1 : 4)];
  return {
    width,
    height: HEIGHT,
    padding: [8, 6, 0, 0],
    legend: { show: false },
    tzDate: (at) => (step >= DAY ? uPlot.tzDate(new Date(at * 1000), "Etc/UTC") : new Date(at * 1000)),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: "overview" } },
    scales: { x: { time: true, range: (u, low, high) => [low - step / 2, high + step / 2] }, y: { range: highest } },
    axes: [
      { ...axis, size: 26, space: 64, grid: { show: false }, ticks: { show: false }, values: (u, at) => at.map((one) => time(one, step)) },
      { ...axis, size: 52, space: 34, grid, ticks: { show: false }, values: (u, at) => at.map((one) => tick(one, told.unit)) },
    ],
    series: [{}, ...lines(told)],
    hooks: { setCursor: [(u) => over(u.cursor.idx)] },
  };
}

function sum(values, unit) {
  const known = values.filter((value) => value !== null);
  if (unit === "count") return known.reduce((one, other) => one + other, 0);
  return known.length ? known[known.length - 1] : null;
}

// The values below the pointer; without one the sum of all, or the latest.
function legend(list, told, times, step, index) {
  const items = told.series.map((one) => {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.className = one.colour;
    const value = document.createElement("b");
    value.textContent = cell(index === null ? sum(one.values, told.unit) : one.values[index], told.unit);
    item.append(mark, one.label, value);
    return item;
  });
  if (index !== null) {
    const at = document.createElement("li");
    at.className = "at";
    at.textContent = time(times[index], step, true);
    items.push(at);
  }
  list.replaceChildren(...items);
}

// Prepares a figure; gives what draws it with other values.
export function chart(figure, nothing) {
  const plot = figure.querySelector(".plot");
  const list = figure.querySelector(".legend");
  const note = document.createElement("p");
  note.className = "nothing";
  note.textContent = nothing;
  let now = null;
  let drawing = null;
  let shape = "";

  function over(index) {
    legend(list, now.told, now.times, now.step, index ?? null);
  }
  function make() {
    drawing?.destroy();
    drawing = new uPlot(options(figure, now.told, now.step, plot.clientWidth, over), values(), plot);
  }
  function values() {
    const { told, times } = now;
    return [times, ...(told.unit === "count" ? stacked(told.series) : told.series.map((one) => one.values))];
  }

  new ResizeObserver(() => drawing?.setSize({ width: plot.clientWidth, height: HEIGHT })).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => now && make());

  return (times, step, told) => {
    now = { times, step, told };
    const empty = !told.series.some((one) => one.values.some(Boolean));
    plot.classList.toggle("none", empty);
    if (empty) plot.append(note);
    else note.remove();
    const other = told.series.map((one) => one.label).join("\n");
    if (!drawing || other !== shape) make();
    else drawing.setData(values());
    shape = other;
    over(drawing.cursor.idx);
  };
}
