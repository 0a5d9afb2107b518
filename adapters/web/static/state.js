// What the page shows: one conversation, its turns, the one that is being answered, and who answers there
// in the assistant's place.

import { chatHere } from "./address.js";

export const state = { conversation: chatHere(), turns: [], running: null, staff: "" };
