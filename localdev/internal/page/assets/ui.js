import {html, useState, useEffect} from "./preact.js";
import {notice} from "./store.js";

export function Pill({kind, children, title}) {
  return html`<span class=${"pill " + (kind || "")} title=${title}>${children}</span>`;
}

// Button runs an action and stays disabled while it is under way.
export function Button({run, children, kind, title, disabled, label}) {
  const [busy, setBusy] = useState(false);
  const click = async e => {
    e.stopPropagation();
    setBusy(true);
    try { await run(e); } finally { setBusy(false); }
  };
  return html`<button type="button" class=${kind || ""} title=${title} aria-label=${label} disabled=${busy || disabled} onClick=${click}>${children}</button>`;
}

export function Empty({children}) { return html`<div class="empty">${children}</div>`; }

export function Copy({text}) {
  return html`<button type="button" class="quiet" title="Copy" onClick=${() => navigator.clipboard.writeText(text).then(() => notice("Copied."), () => notice("The browser does not allow copying.", true))}>Copy</button>`;
}

export function Section({title, aside, open, id, children}) {
  const [shown, setShown] = useState(open !== false);
  return html`<section class="block">
    <h3><button type="button" class="fold" aria-expanded=${shown} aria-controls=${id} onClick=${() => setShown(!shown)}>
      <span class="chevron" aria-hidden="true"></span>${title}</button><span class="aside">${aside}</span></h3>
    ${shown && html`<div id=${id} class="inside">${children}</div>`}
  </section>`;
}

// useFetch reads again whenever one of keys changes; what was read stays until then.
export function useFetch(read, keys) {
  const [got, setGot] = useState({value: null, error: null, loading: true});
  useEffect(() => {
    let live = true;
    read().then(value => live && setGot({value, error: null, loading: false}), e => live && setGot(g => ({...g, error: e.message, loading: false})));
    return () => { live = false; };
  }, keys);
  return got;
}

// useTick draws again every ms, for what counts down.
export function useTick(ms) {
  const [, set] = useState(0);
  useEffect(() => { const t = setInterval(() => set(n => n + 1), ms); return () => clearInterval(t); }, [ms]);
}

// Arrow keys, Home and End move the focus within a list of rows.
export function moveRows(e) {
  const keys = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -Infinity, End: Infinity};
  const by = keys[e.key];
  if (by === undefined || e.ctrlKey || e.metaKey || e.altKey || /INPUT|TEXTAREA|SELECT/.test(e.target.tagName)) return;
  const rows = [...e.currentTarget.querySelectorAll("[data-row]")];
  const at = rows.indexOf(document.activeElement.closest("[data-row]"));
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
  if (next) { e.preventDefault(); next.focus(); if (at >= 0) next.click(); }
}
