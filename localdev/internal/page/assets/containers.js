import {html, useState} from "./preact.js";
import {state, act, ask, link, notice, now} from "./store.js";
import {span, ago, bytes, plural, short} from "./format.js";
import {Pill, Button, Empty, useFetch, useTick} from "./ui.js";

const kinds = {starting: "cold", running: "ok", "after response": "warn", stopping: "bad", ended: "bad", frozen: "frozen", idle: ""};

export function Containers() {
  useTick(1000);
  const list = state.containers;
  return html`<div class="pane whole"><div class="tools wrap"><span class="soft grow">${list.length} of at most ${state.about.containers}${state.about.freeze ? ", frozen between invocations" : ""}</span><${Clock} /></div>
    ${list.length === 0 ? html`<${Empty}><h2>No container runs</h2><p>The next request starts one: it is cold, as in Lambda. <a href=${link("invocations")}>Send a request</a>.</p><//>` :
      html`<ul class="cards">${list.map(c => html`<${Card} key=${c.slot + "-" + c.pid} c=${c} />`)}</ul>`}</div>`;
}

function Clock() {
  const [hours, setHours] = useState("");
  const set = ms => act("clock", {clock: ms}).then(ok => ok && notice(ms ? "Cached functions now live " + ago(Math.abs(ms)) + (ms > 0 ? " ahead." : " behind.") : "The clock is the machine's again."));
  const by = ms => set(state.about.clock + ms);
  return html`<div class="line clock" role="group" aria-label="Clock of cached functions"><span class="soft" title="Entries age by this clock. Your own time.Now stays as it is.">Stillwarm's clock</span>
    <b class="n">${state.about.clock ? (state.about.clock > 0 ? "+" : "−") + ago(Math.abs(state.about.clock)) : "now"}</b>
    <${Button} run=${() => by(60000)}>+1 min<//><${Button} run=${() => by(3600000)}>+1 h<//><${Button} run=${() => by(86400000)}>+1 d<//>
    <${Button} run=${() => set(0)} disabled=${!state.about.clock}>Reset<//></div>`;
}

function Card({c}) {
  const control = (verb, done) => act("control", {slot: c.slot, verb}).then(ok => ok && notice(done));
  const frozen = c.state === "frozen";
  const counted = state.functions.reduce((n, f) => n + f.calls, 0);
  const held = useFetch(() => c.connected ? ask("entries?slot=" + c.slot) : Promise.resolve(null), [c.pid, c.served, frozen, counted, c.connected]);
  const [kept, setKept] = useState(null);
  const fresh = held.value && held.value.problems.length === 0 ? held.value : null;
  if (fresh && fresh !== kept) setKept(fresh);
  const shown = fresh || kept;
  const limit = state.about.memoryMB * 1048576;
  return html`<li class=${"card " + kinds[c.state]}>
    <div class="line"><h2>#${c.slot}</h2><${Pill} kind=${kinds[c.state]}>${c.state}<//>${c.outdated && html`<${Pill} kind="warn" title="It leaves after its invocation">old version<//>`}<span class="grow"></span><span class="soft">process ${c.pid}</span></div>
    <p class="clip mono" title=${c.path}>${c.path || html`<span class="soft">${frozen ? "stopped until the next invocation" : "waiting"}</span>`}</p>
    <dl class="grid small"><div><dt>age</dt><dd>${ago(now() - c.started)}</dd></div><div><dt>served</dt><dd>${c.served}</dd></div><div><dt>init</dt><dd>${c.init ? span(c.init) : ""}</dd></div>
      <div><dt>memory</dt><dd title="resident now, and at most">${bytes(c.memory)}</dd></div></dl>
    ${c.memory > 0 && html`<div class="meter" role="meter" aria-label="Memory" aria-valuenow=${Math.round(c.memory / 1048576)} aria-valuemax=${state.about.memoryMB} title=${bytes(c.memory) + " of " + state.about.memoryMB + " MB"}><i class=${c.memory > limit ? "over" : ""} style=${{width: Math.min(100, c.memory / limit * 100) + "%"}}></i></div>`}
    <${Holds} entries=${shown ? shown.entries : null} frozen=${frozen} connected=${c.connected} />
    <div class="line wrap">${frozen ? html`<${Button} run=${() => control("thaw", "Thawed.")}>Thaw<//>` : html`<${Button} disabled=${!state.about.canFreeze || c.state !== "idle"} title="Stop the process until the next invocation, as Lambda does" run=${() => control("freeze", "Frozen until the next invocation.")}>Freeze<//>`}
      <${Button} title="End it after its invocation; the next one is cold" run=${() => control("recycle", "It leaves; the next invocation is cold.")}>Recycle<//>
      <${Button} kind="danger" title="End it at once, as a crash would" run=${() => control("kill", "Killed.")}>Kill<//></div>
  </li>`;
}

function Holds({entries, frozen, connected}) {
  if (!connected && !entries) return html`<p class="soft">What it holds is not known: its function has told nothing.</p>`;
  if (!entries) return html`<p class="soft">…</p>`;
  if (!entries.length) return html`<p class="soft">Holds no entries.</p>`;
  const by = Object.entries(Object.groupBy(entries, e => e.function)).sort();
  return html`<table class="holds"><caption>${frozen ? "Held when it was frozen" : "Holds"}</caption><tbody>${by.map(([name, list]) => html`<tr key=${name}><th scope="row"><a href=${link("cache", name)} class="clip" title=${name}>${short(name)}</a></th>
    <td class="n">${plural(list.length, "entry", "entries")}</td><td class="n soft">${bytes(list.reduce((n, e) => n + e.size, 0))}</td></tr>`)}</tbody></table>`;
}
