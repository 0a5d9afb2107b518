// What happens elsewhere: other tabs, other accounts, people who took over. One stream for each page
// that can be seen; it begins with all there is, so that nothing is missed while there is none.

import { sleep } from "./dom.js";
import { events, isBroken, Watch } from "./events.js";
import { request } from "./identity.js";

const FIRST_PAUSE = 1000, LAST_PAUSE = 30000;
const SILENCE = 75000;  // it has a heartbeat each thirty seconds at least

// `told` gets each event's name and data.
export function startLive(told) {
  let source = null;

  // An EventSource cannot send the header that stands in for the cookie in a frame.
  async function follow({ signal }) {
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(pause * 2, LAST_PAUSE)) {
      const watch = new Watch(SILENCE);
      signal.addEventListener("abort", watch.abort);
      try {
        const response = await request("/api/v1/updates", { signal: watch.signal });
        if (response.ok) {
          for await (const [name, data] of events(response.body, watch.alive)) {
            if (signal.aborted) return;
            pause = FIRST_PAUSE;
            told(name, data);
          }
        }
      } catch (error) {
        if (!isBroken(error)) throw error;
      } finally {
        watch.end();
        signal.removeEventListener("abort", watch.abort);
      }
      if (!signal.aborted) await sleep(pause * (0.75 + Math.random() / 2));
    }
  }

  function begin() {
    if (source || document.hidden) return;
    source = new AbortController();
    follow(source);
  }

  function end() {
    source?.abort();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin()));
  addEventListener("online", () => { end(); begin(); });
  addEventListener("pagehide", end);
  addEventListener("pageshow", begin);
  begin();
}
