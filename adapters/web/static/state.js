// What the page shows: one conversation, its turns, and the one that is being answered.

import { memory } from "./dom.js";

export const state = { conversation: memory.get("conversation") ?? "", turns: [], running: null };
