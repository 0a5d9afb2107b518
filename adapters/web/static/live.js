// What happens elsewhere: other tabs, other accounts, people who took over. One stream for each page
// that can be seen; it begins with all there is, so that nothing is missed while there is none.

const FIRST_PAUSE = 1000, LAST_PAUSE = 30000;

// `told` gets each event's name and data.
export function startLive(told) {
  let source = null, pause = FIRST_PAUSE, timer = 0;

  function begin() {
    clearTimeout(timer);
    if (source || document.hidden) return;
    source = new EventSource("/api/v1/updates");
    for (const name of ["conversations", "conversation", "deleted"]) {
      source.addEventListener(name, (event) => {
        pause = FIRST_PAUSE;
        told(name, JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      end();
      timer = setTimeout(begin, pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, LAST_PAUSE);
    });
  }

  function end() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin()));
  addEventListener("online", begin);
  addEventListener("pagehide", end);
  addEventListener("pageshow", begin);
  begin();
}
