// What the model thought, folded above its answer: a line that opens. Whatever it holds, it is text.

import { make, words } from "./dom.js";
import { release, take } from "./scroll.js";

const inUnits = (unit, unitDisplay) => new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay });
const joined = new Intl.ListFormat(document.documentElement.lang, { style: "narrow", type: "unit" });

function lasting(seconds, display) {
  const whole = Math.max(1, Math.round(seconds)), minutes = Math.floor(whole / 60);
  const parts = minutes ? [inUnits("minute", display).format(minutes)] : [];
  if (whole % 60) parts.push(inUnits("second", display).format(whole % 60));
  return joined.format(parts);
}

export class Thoughts {
  constructor() {
    this.line = document.createTextNode("");
    this.shown = document.createTextNode("");
    this.rest = make("p", { class: "rest", hidden: true }, words["thoughts.cut"]);
    const opens = make("summary", { onclick: () => this.opens() }, this.line);
    this.root = make("details", { class: "thoughts", hidden: true, ontoggle: () => this.root.open || take() }, opens, make("p", {}, this.shown), this.rest);
    this.text = "";
    this.seconds = 0;
    this.untold = false;
  }

  // Whether the line says that the model thinks.
  get going() { return this.root.classList.contains("going"); }

  // Thoughts that come are followed like words that do; those that are whole are read from their first.
  opens() {
    if (!this.root.open && !this.going) release();
  }

  // The answer is told from its start again: what is told next takes the place of what is shown.
  begin() {
    this.untold = true;
  }

  take({ text, seconds, cut, anew, thinking }) {
    this.put({ text: anew || this.untold ? text : this.text + text, seconds, cut }, thinking);
  }

  // Words of the answer have come, or its end.
  end() {
    if (this.untold) this.put(null);
    else if (this.going) this.put(this, false);
  }

  put(thoughts, going = false) {
    this.untold = false;
    const { text, seconds, cut } = thoughts ?? { text: "", seconds: 0, cut: false };
    this.text = text;
    this.seconds = seconds;
    this.cut = cut;
    this.root.hidden = !text;
    this.root.classList.toggle("going", going && Boolean(text));
    this.rest.hidden = !cut;
    retell(this.line, going ? `${words.thinking} ${lasting(seconds, "short")}` : words["thoughts.time"].replace("{time}", () => lasting(seconds, "long")));
    retell(this.shown, text.trimEnd());
  }
}

// What is the same stays, and with it a selection.
function retell(node, told) {
  if (told === node.data) return;
  if (told.startsWith(node.data)) node.appendData(told.slice(node.data.length));
  else node.data = told;
}
