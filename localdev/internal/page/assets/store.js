// The state of the runner, kept up to date by server-sent events, and the actions that change it.
export const state = {
  ready: false, online: false, skew: 0, about: null, build: null, top: {warnings: [], outages: [], crash: null}, totals: {},
  containers: [], progress: [], functions: [], advice: [], invocations: new Map(), notice: null,
};
const token = document.querySelector("meta[name=stillwarm-token]").content;
const listeners = new Set();
let drawing = false;
export function subscribe(f) { listeners.add(f); return () => listeners.delete(f); }
export function changed() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; listeners.forEach(f => f()); });
}
export const now = () => Date.now() + state.skew;

// say tells screen readers what happened; the page shows it as well.
export function say(text) { document.getElementById("live").textContent = text; }
export function notice(text, bad) {
  state.notice = {text, bad, at: Date.now()};
  say(text);
  changed();
  const mine = state.notice;
  setTimeout(() => { if (state.notice === mine) { state.notice = null; changed(); } }, bad ? 10000 : 4000);
}

function merge(p) {
  const before = state.build;
  state.ready = state.online = true;
  state.skew = p.now - Date.now();
  for (const part of ["about", "build", "top", "totals", "containers", "progress", "functions", "advice"]) {
    if (p[part] !== undefined && p[part] !== null) state[part] = p[part];
  }
  for (const inv of p.invocations || []) state.invocations.set(inv.id, inv);
  for (const [id, inv] of state.invocations) {
    if (inv.number >= p.oldest) break;
    state.invocations.delete(id);
  }
  if (before && before.status !== state.build.status) {
    if (state.build.status === "failed") say("The build failed.");
    if (state.build.status === "ok") say("Version " + state.build.serving + " serves.");
  }
  changed();
}

export function connect() {
  let last = 0;
  const source = new EventSource("events");
  source.onopen = () => { state.invocations.clear(); };
  source.onmessage = e => { last = Date.now(); merge(JSON.parse(e.data)); };
  source.onerror = () => { if (state.online) { state.online = false; say("The runner does not answer."); changed(); } };
  setInterval(() => { if (state.online && Date.now() - last > 8000) { state.online = false; changed(); } }, 2000);
}

// act asks for a change. It returns the result, or undefined after saying why not.
export async function act(name, body) {
  try {
    const r = await fetch("api/" + name, {
      method: "POST", headers: {"Content-Type": "application/json", "X-Stillwarm-Token": token}, body: JSON.stringify(body || {}),
    });
    if (r.status === 403) { notice("The runner was started again: reload this page.", true); return undefined; }
    const answer = await r.json();
    if (!r.ok) { notice(answer.error, true); return undefined; }
    return answer.result === null || answer.result === undefined ? true : answer.result;
  } catch (e) {
    notice("The runner does not answer: " + e.message, true);
    return undefined;
  }
}

// ask reads something beside the state; it throws what the runner says.
export async function ask(path) {
  const r = await fetch("api/" + path);
  const type = r.headers.get("Content-Type") || "";
  if (!type.includes("json")) throw new Error((await r.text()).trim() || r.statusText);
  const answer = await r.json();
  if (!r.ok) throw new Error(answer.error || r.statusText);
  return answer;
}

// The place in the page is in its address, so that reload, back and a copied link work.
export function route() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return {view: parts[0] || "invocations", parts: parts.slice(1)};
}
export const link = (...parts) => "#/" + parts.map(encodeURIComponent).join("/");
export const go = (...parts) => { location.hash = link(...parts); };
