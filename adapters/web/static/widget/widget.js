// Puts the assistant on a page of any site: a button, and a frame that is loaded when it is first opened.
// Everything stands in a shadow root, styled by a constructed sheet, so that the page's own styles and
// its Content-Security-Policy leave it alone (the page's policy needs script-src and frame-src for us).
// Of the host itself the page's rules win over ours unless ours are important: then even its important ones lose.

(() => {
  // A module has no current script.
  const script = document.currentScript ?? [...document.scripts].findLast((other) => new URL(other.src || "x:").pathname.endsWith("/widget.js")), { origin } = new URL(script.src), data = script.dataset;
  if (document.getElementById("tertulia-widget")) return;
  const WORDS = {
    en: { title: "Chat", open: "Open the chat", close: "Close the chat", size: "Change the size", blocked: "The chat cannot be shown on this page." },
    zh: { title: "聊天", open: "打开聊天", close: "关闭聊天", size: "改变大小", blocked: "此页面无法显示聊天。" },
  };
  const CHAT = "M4 5h11a3 3 0 0 1 3 3v4a3 3 0 0 1-3 3H9l-5 4zM20 10a2.5 2.5 0 0 1 1 2v8l-4-2.5h-5";
  const CLOSE = "M6 6l12 12M18 6L6 18", SIZE = "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7";
  const PATIENCE = 8000;

  const language = Object.keys(WORDS).find((tag) => tag === (data.language || document.documentElement.lang || navigator.language).slice(0, 2).toLowerCase()) ?? "en";
  const words = WORDS[language];
  const theme = ["light", "dark"].includes(data.theme) ? data.theme : "auto";
  const colour = /^#?[0-9a-f]{6}$/i.test(data.color ?? "") ? data.color.replace("#", "").toLowerCase() : "";
  const title = (data.title ?? "").trim().slice(0, 60) || words.title;

  // Black or white, whichever is read better on the colour (WCAG 2.2, relative luminance).
  function ink(hex) {
    const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
  }

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const icon = (d) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS(svg.namespaceURI, "path");
    for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true" })) svg.setAttribute(name, value);
    path.setAttribute("d", d);
    svg.append(path);
    return svg;
  };
  const button = (name, d, label) => make("button", { type: "button", class: name, "aria-label": label, title: label }, icon(d));

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { all: initial !important; position: fixed !important; z-index: 2147483000 !important; inset-block-end: 0 !important; color-scheme: light dark !important;
      font: 16px/1.4 system-ui, sans-serif !important; }
    :host([data-theme=light]) { color-scheme: light !important; } :host([data-theme=dark]) { color-scheme: dark !important; }
    .all { --brand: #a24420; --ink: #fff; --ground: light-dark(#faf8f5, #1b1917); --text: light-dark(#26221e, #ece7e1); --line: light-dark(#e6e0d8, #3a3531); }
    [hidden] { display: none !important; }
    button { all: unset; box-sizing: border-box; display: grid; place-items: center; cursor: pointer; }
    button:focus-visible { outline: 3px solid var(--text); outline-offset: 2px; }
    svg { width: 55%; height: 55%; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
    .open { position: fixed; inset-block-end: max(20px, env(safe-area-inset-bottom)); width: 56px; height: 56px; border-radius: 50%;
      background: var(--brand); color: var(--ink); box-shadow: 0 6px 24px #0004; }
    .panel { position: fixed; inset-block-end: 20px; display: flex; flex-direction: column; width: min(400px, calc(100vw - 40px)); height: min(640px, calc(100dvh - 40px));
      overflow: hidden; background: var(--ground); color: var(--text); border: 1px solid var(--line); border-radius: 18px; box-shadow: 0 18px 60px #0005; }
    .panel.large { width: min(760px, calc(100vw - 40px)); height: calc(100dvh - 40px); }
    .open, .panel { inset-inline: auto 20px; } .left .open, .left .panel { inset-inline: 20px auto; }
    .top { display: flex; align-items: center; gap: 4px; padding: 8px 8px 8px 16px; background: var(--brand); color: var(--ink); }
    .top button { width: 36px; height: 36px; border-radius: 10px; flex: none; } .top button:focus-visible { outline-color: currentColor; }
    .name { flex: 1; margin: 0; font: inherit; font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .body { position: relative; flex: 1; display: grid; } .body > * { grid-area: 1 / 1; }
    .note { margin: auto; padding: 24px; text-align: center; }
    iframe { width: 100%; height: 100%; border: 0; visibility: hidden; } iframe.ready { visibility: visible; }
    @media (max-width: 480px) { .panel, .panel.large { inset: 0 !important; width: 100vw; height: 100dvh; border: 0; border-radius: 0; } .size { display: none; } }
    @media (prefers-reduced-motion: no-preference) { .panel { animation: rise .18s ease-out; } .open { transition: scale .15s; } .open:hover { scale: 1.06; } }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    @media (forced-colors: active) { .open, .panel { border: 1px solid; } }`);

  const opener = button("open", CHAT, words.open), closer = button("close", CLOSE, words.close), sizer = button("size", SIZE, words.size);
  const first = make("span", { tabindex: "0", "aria-hidden": "true" }), last = first.cloneNode();
  const note = make("p", { class: "note", role: "status" }, "…"), body = make("div", { class: "body" }, note);
  const panel = make("div", { class: "panel", role: "dialog", "aria-modal": "true", "aria-label": title, hidden: "" },
    first, make("div", { class: "top" }, make("p", { class: "name", dir: "auto" }, title), sizer, closer), body, last);
  const host = make("tertulia-widget", { id: "tertulia-widget", "data-theme": theme, lang: language });
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  const all = make("div", { class: `all ${data.position === "left" ? "left" : "right"}` }, opener, panel);
  root.append(all);
  if (colour) {
    all.style.setProperty("--brand", `#${colour}`);
    all.style.setProperty("--ink", ink(colour));
  }
  opener.setAttribute("aria-haspopup", "dialog");
  opener.setAttribute("aria-expanded", "false");

  let frame = null;
  const tell = (what) => frame?.contentWindow?.postMessage({ tertulia: what }, origin);

  function load() {
    const wishes = new URLSearchParams({ theme, lang: language, ...(colour && { color: colour }) });
    frame = make("iframe", { title, src: `${origin}/widget?${wishes}`, allow: "clipboard-write",
      sandbox: "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads" });
    // A frame that may not be here loads, too, but it never answers.
    frame.addEventListener("load", () => tell("hello"));
    body.append(frame);
    setTimeout(() => { if (!frame.classList.contains("ready")) note.textContent = words.blocked; }, PATIENCE);
  }

  function show(wanted) {
    if (panel.hidden !== wanted) return;
    panel.hidden = !wanted;
    opener.hidden = wanted;
    opener.setAttribute("aria-expanded", String(wanted));
    if (!wanted) return opener.focus();
    if (!frame) load();
    closer.focus();
    focusFrame("open");
  }

  function focusFrame(what) {
    if (!frame.classList.contains("ready")) return;
    frame.focus();
    tell(what);
  }

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin) return;
    const said = event.data?.tertulia;
    if (said === "ready") {
      frame.classList.add("ready");
      note.textContent = "";
      if (root.activeElement === closer) focusFrame("open");
    } else if (said === "close") show(false);
  });
  opener.addEventListener("click", () => show(true));
  closer.addEventListener("click", () => show(false));
  sizer.addEventListener("click", () => panel.classList.toggle("large"));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    show(false);
  });
  // Tab stays inside: from the end it goes to the first button, from before that to the frame's end.
  last.addEventListener("focus", () => (sizer.getClientRects().length ? sizer : closer).focus());
  first.addEventListener("focus", () => (frame.classList.contains("ready") ? focusFrame("last") : closer.focus()));
  // Of two that came while there was no body yet, one is enough.
  const put = () => { if (!document.getElementById(host.id)) document.body.append(host); };
  if (document.body) put();
  else addEventListener("DOMContentLoaded", put);
})();
