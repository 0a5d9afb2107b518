// Who answers in the assistant's place, told quietly below the conversation: it is no message of it.

import { $, words } from "./dom.js";
import { state } from "./state.js";

const names = new Map();
let shown = "", where = "";

function put(text) {
  if ($("staff").textContent !== text) $("staff").textContent = text;
}

function tell(back) {
  const name = names.get(state.conversation) ?? "";
  if (name) put(words["staff.now"].replace("{name}", () => name));
  else if (!back) put("");
  else if (shown) put(words["staff.back"]);
  shown = name;
  where = state.conversation;
  if (state.staff === name) return;
  state.staff = name;
  state.turns.forEach((turn) => turn.refresh());
}

// What is told of any conversation.
export function staffTold({ id, staff }) {
  names.set(id, staff);
  if (id === state.conversation) tell(where === id);
}

// Of the conversation that was opened.
export function showStaff() {
  tell(false);
}

// that the assistant is back is no news any more once one has asked on
$("composer").addEventListener("submit", () => { if (!shown) put(""); });
