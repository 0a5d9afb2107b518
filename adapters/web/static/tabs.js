// What this browser's other tabs are told at once, as no stored conversation changes with it.

import { keyOf } from "./identity.js";

const line = new BroadcastChannel(keyOf("tabs"));

export const tellTabs = (name, data) => line.postMessage({ name, data });
export const onTold = (wanted, act) => line.addEventListener("message", ({ data }) => { if (data.name === wanted) act(data.data); });
