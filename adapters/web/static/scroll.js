// Where the reader is. The end stays in view while an answer grows, until the reader goes up, by however
// little and by whatever: wheel, finger, key or scrollbar. Whoever comes back to it is taken along again.

const scroller = document.querySelector("main"), down = document.getElementById("down");
const AT = 2, NEAR = 24;  // pixels from the end
const UP = ["ArrowUp", "PageUp", "Home"], DOWN = ["ArrowDown", "PageDown", "End", " "];
let following = true, held = false, finger = 0, before = 0, highest = 0;

const left = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;

// Who opens something long to read it stays there.
export function release() {
  following = false;
  highest = scroller.scrollTop;
}

export const take = () => { if (left() < AT) following = true; };

export function toEnd() {
  following = true;
  scroller.scrollTop = scroller.scrollHeight;
  before = scroller.scrollTop;  // as far as it goes: else its own step, told of late, would be one up
}

function settle() {
  if (following && !held) toEnd();
  down.hidden = left() < NEAR;
}

// Change what is shown, and stay at the end if that is where the reader is.
export function keepEnd(change) {
  if (left() < AT && scroller.scrollHeight <= scroller.clientHeight) following = true;
  change();
  settle();
}

// Change what stands above, and leave in view what is.
export function keepPlace(change) {
  const height = scroller.scrollHeight;
  following = false;
  change();
  scroller.scrollTop += scroller.scrollHeight - height;
  release();
}

// A scroll event may tell of the page's own step to the end, made before the reader's first step up was:
// only who has come down since counts as back.
function scrolled() {
  const now = scroller.scrollTop;
  if (following && now < before - 1 && left() >= AT) release();
  else if (!following) {
    highest = Math.min(highest, now);
    if (now > highest) take();
  }
  before = now;
  down.hidden = left() < NEAR;
}

const writes = (target) => target.closest("input, textarea, select, [contenteditable]");

function pressed(event) {
  if (event.target.closest("dialog, aside") || writes(event.target)) return;
  if (UP.includes(event.key) || (event.key === " " && event.shiftKey)) release();
  else if (DOWN.includes(event.key)) take();
}

// What is touched may be gone when the finger is lifted: only itself is told of it then.
function touched(event, passive) {
  held = true;
  finger = event.touches[0].clientY;
  for (const name of ["touchend", "touchcancel"]) event.target.addEventListener(name, lifted, passive);
}

function lifted(event) {
  held = event.touches.length > 0;
  settle();
}

export function startScrolling() {
  const passive = { passive: true };
  scroller.addEventListener("scroll", scrolled, passive);
  scroller.addEventListener("wheel", (event) => (event.deltaY < 0 ? release() : take()), passive);
  scroller.addEventListener("touchstart", (event) => touched(event, passive), passive);
  scroller.addEventListener("touchmove", (event) => { if (event.touches[0].clientY > finger) release(); }, passive);
  scroller.addEventListener("pointerdown", (event) => { if (event.target === scroller && event.offsetX > scroller.clientWidth) release(); });
  document.addEventListener("keydown", pressed);
  down.addEventListener("click", () => { toEnd(); settle(); });
  const watch = new ResizeObserver(settle);
  for (const part of [scroller, document.getElementById("log")]) watch.observe(part);
}
