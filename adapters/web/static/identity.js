// Who the visitor is: a cookie says so, but in a frame on another site, where browsers keep cookies
// away, a token that the page was given, kept in the frame's own storage and sent in a header.

const given = document.getElementById("widget");
export const frame = given && JSON.parse(given.textContent);
export const OWN = ["pending", "unheard", "conversation", "drafts"];  // what is kept for one tab
export const keyOf = (key) => `tertulia.${frame ? "widget." : ""}${key}`;

function token() {
  try {
    const kept = localStorage.getItem(keyOf("visitor")) ?? frame.visitor;
    localStorage.setItem(keyOf("visitor"), kept);
    return kept;
  } catch { return frame.visitor; /* without storage the page is given the same, where the browser keeps a partitioned cookie */ }
}

export const identity = frame ? { "X-Tertulia-Visitor": token() } : {};

// The visitor is gone, or the service does not know them any more: the next page is a stranger's, or that of
// whom another tab has become meanwhile.
export function forgetVisitor() {
  try {
    if (localStorage.getItem(keyOf("visitor")) === identity["X-Tertulia-Visitor"]) localStorage.removeItem(keyOf("visitor"));
    for (const key of OWN) sessionStorage.removeItem(keyOf(key));
  } catch { /* nothing was kept */ }
}

export async function request(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { ...options.headers, ...identity } });
  if (frame && response.status === 401) {
    forgetVisitor();
    location.reload();
  }
  return response;
}
