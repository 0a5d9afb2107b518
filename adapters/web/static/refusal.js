// Why the service refused something, in the page's own language.

import { words } from "./dom.js";

const SAID = { 403: "refused.access", 404: "lost", 409: "refused.changed", 413: "refused.large", 423: "refused.staff", 429: "refused.many" };
const FILES = { 403: "attach.access", 413: "attach.large", 422: "attach.empty", 429: "attach.many", 507: "attach.room" };
const SOON = 5;

// Seconds until it may be tried again, by the header.
export const waitOf = (header) => Number(header) || SOON;

export const refusalOf = (status, wait) => (words[SAID[status]] ?? words.refused).replace("{seconds}", wait);
export const fileRefusal = (status, wait, limit) => (words[FILES[status]] ?? words["attach.failed"]).replace("{seconds}", wait).replace("{limit}", limit);
