import {html, Component, useState, useEffect} from "./preact.js";
import {state, act, ask, go, link, notice} from "./store.js";
import {span, bytes, clock, plural, short, pretty} from "./format.js";
import {Pill, Button, Empty, Section, Copy, useFetch, moveRows} from "./ui.js";
import {Waterfall} from "./waterfall.js";
import {Composer} from "./composer.js";

export const statusKind = i => !i.complete ? "cold" : i.fault || i.status >= 500 ? "bad" : i.status >= 400 ? "warn" : "ok";

function cacheWords(c) {
  const parts = [];
  if (c.hits) parts.push(plural(c.hits, "hit"));
  if (c.misses) parts.push(plural(c.misses, "miss", "misses"));
  if (c.stale) parts.push(c.stale + " stale");
  if (c.waits) parts.push(plural(c.waits, "wait"));
  return parts.join(", ");
}

class Row extends Component {
  shouldComponentUpdate(next) { return next.i.rev !== this.props.i.rev || next.selected !== this.props.selected; }
  render({i, selected}) {
    const open = () => go("invocations", i.id);
    return html`<tr data-row tabindex=${selected ? 0 : -1} aria-selected=${selected} class=${selected ? "selected" : ""}
        onClick=${open} onKeyDown=${e => (e.key === "Enter" || e.key === " ") && (e.preventDefault(), open())}>
      <td class="n soft">${i.number}</td>
      <td class="label"><div class="clip" title=${i.label}>${i.label}</div>${i.fault && html`<div class="fault clip" title=${i.fault}>${i.fault.split("\n")[0]}</div>`}</td>
      <td><${Pill} kind=${statusKind(i)}>${i.complete ? i.status : "running"}<//></td>
      <td class="n">${i.complete ? span(i.duration) : ""}</td>
      <td class="late">${i.complete && i.cold ? html`<${Pill} kind="cold">cold<//>` : ""}</td>
      <td class="cachewords">${i.cached ? cacheWords(i.cache) || html`<span class="soft">not used</span>` : ""}</td>
      <td class="n soft late">${i.slot ? "#" + i.slot : ""}</td>
      <td class="n soft late">${clock(i.at)}</td>
    </tr>`;
  }
}

const matches = (i, words) => words.every(w => (i.label + " " + i.status + " " + i.fault + " " + (i.cold ? "cold" : "warm") + " #" + i.slot + " " +
  cacheWords(i.cache) + " " + (i.functions || []).join(" ")).toLowerCase().includes(w));

export function Invocations({parts}) {
  const [filter, setFilter] = useState("");
  const [composing, setComposing] = useState(null);
  const selected = parts[0];
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...state.invocations.values()].reverse();
  const list = words.length ? all.filter(i => matches(i, words)) : all;
  const inv = state.invocations.get(selected);
  const t = state.totals;
  const sent = id => { setComposing(null); if (typeof id === "string") go("invocations", id); };
  return html`<div class=${"split " + (selected ? "has-detail" : "")}>
    <div class="pane list">
      <div class="tools">
        <button type="button" class="primary" data-new title="Send a request or an event (n)" aria-expanded=${composing !== null} onClick=${() => setComposing(composing ? null : {})}>Send…</button>
        <input type="search" data-filter placeholder="Filter: path, status, function, cold, miss…  ( / )" aria-label="Filter invocations" value=${filter} onInput=${e => setFilter(e.target.value)} />
        <span class="soft late totals">${t.invocations > 0 && [plural(t.hits, "hit"), plural(t.misses, "miss", "misses"), t.cold + " cold", t.faults ? plural(t.faults, "fault") : ""].filter(Boolean).join(" · ")}</span>
      </div>
      ${composing && html`<${Composer} key=${composing.key || "new"} from=${composing} sent=${sent} close=${() => setComposing(null)} />`}
      ${list.length === 0 ? html`<${Empty}>${all.length ? html`<p>Nothing matches “${filter}”.</p><button type="button" onClick=${() => setFilter("")}>Clear the filter</button>` : html`<${FirstSteps} />`}<//>` : html`
      <div class="scroll" onKeyDown=${moveRows}><table class="rows"><thead><tr><th class="n">No.</th><th>Request</th><th>Status</th><th class="n">Time</th><th class="late"><span class="unseen">Start</span></th><th>Cache</th><th class="n late">Container</th><th class="n late">At</th></tr></thead>
        <tbody>${list.map((i, n) => html`<${Row} key=${i.id} i=${i} selected=${selected ? i.id === selected : n === 0 && false} />`)}</tbody></table></div>`}
    </div>
    ${selected && html`<div class="pane detail" aria-label="Invocation">${inv ? html`<${Detail} key=${inv.id} inv=${inv} edit=${event => setComposing({event, key: inv.id})} />` : html`<${Empty}><p>This invocation is no longer kept.</p><a href=${link("invocations")}>Back to the list</a><//>`}</div>`}
  </div>`;
}

function FirstSteps() {
  const {about} = state;
  const how = about.plain ? "curl -d '" + (about.sample || "{}") + "' " + about.address + "/2015-03-31/functions/function/invocations" : "curl " + about.address + "/";
  return html`<h2>No invocations yet</h2>
    <p>${about.plain ? "The handler takes " + about.input + ": send it an event." : "Send a request, from here or from a terminal."}</p>
    <p><code>${how}</code> <${Copy} text=${how} /></p>
    ${!about.plain && html`<p><${Button} kind="primary" run=${async () => { const id = await act("send", {method: "GET", path: "/"}); if (typeof id === "string") go("invocations", id); }}>Send GET /<//></p>`}`;
}

function Detail({inv, edit}) {
  const {value: d, error} = useFetch(() => ask("invocation/" + encodeURIComponent(inv.id)), [inv.id, inv.rev]);
  const [max] = [state.about.memoryMB];
  const replay = async () => {
    const id = await act("send", {replay: inv.id});
    if (typeof id === "string") { notice("Sent again."); go("invocations", id); }
  };
  const facts = [
    ["container", inv.slot ? html`#${inv.slot} ${inv.cold ? "cold" : "warm"}` : "none"],
    ["handler", inv.delivered ? span(inv.duration - inv.delivered) : ""],
    ["init", inv.init ? span(inv.init) : ""],
    ["first byte", inv.firstByte ? span(inv.firstByte) : ""], ["last byte", inv.lastByte ? span(inv.lastByte) : ""],
    ["after response", inv.after >= 0.05 ? span(inv.after) : ""],
    ["billed", inv.billed ? inv.billed + " ms" : ""],
    ["memory", inv.peak ? html`${bytes(inv.peak)} <span class="soft">of ${max} MB</span>` : ""],
  ].filter(f => f[1]);
  return html`
    <div class="head">
      <a class="back" href=${link("invocations")}>‹ All</a>
      <h2><span class="soft">${inv.number}</span> <span class="clip" title=${inv.label}>${inv.label}</span></h2>
      <${Pill} kind=${statusKind(inv)}>${inv.complete ? inv.status : "running"}<//>
      <span class="grow"></span>
      <${Button} run=${replay} disabled=${!d || !d.replay} title="Send the same event again">Replay<//>
      <button type="button" disabled=${!d || !d.event} onClick=${() => edit(d.event)}>Edit and send</button>
    </div>
    ${inv.fault && html`<pre class="problem" tabindex="0">${inv.fault}</pre>`}
    <dl class="grid">${facts.map(([k, v]) => html`<div key=${k}><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>
    ${error && html`<p class="fault">${error}</p>`}
    ${d && html`<${Waterfall} d=${d} />
    <${Section} id="logs" title="Logs" aside=${d.logLines.length ? plural(inv.logs, "line") : "none"} open=${d.logLines.length > 0}><${Logs} lines=${d.logLines} all=${inv.logs} /><//>
    <${Section} id="response" title="Response" aside=${d.response ? bytes(d.response.size) : ""}><${Response} r=${d.response} d=${d} /><//>
    <${Section} id="event" title="Event" aside=${bytes(inv.eventSize)} open=${inv.kind === "event"}>
      ${d.event ? html`<pre class="code" tabindex="0">${pretty(d.event)}</pre>` : html`<p class="soft">${d.dropped ? "No longer kept: newer invocations took its place." : inv.eventSize > 1048576 ? "Larger than 1 MB: not shown. Replay sends it all the same." : "Not known yet."}</p>`}<//>
    <p class="soft id">request id <code>${inv.id}</code></p>`}`;
}

function Logs({lines, all}) {
  if (!lines.length) return html`<p class="soft">The function wrote nothing.</p>`;
  return html`<ol class="logs">${lines.map((l, n) => html`<li key=${n} class=${(l.level || "").toLowerCase()}>
      <span class="at">${span(l.at)}</span>${l.level && html`<b>${l.level}</b>`}<span class="text">${l.message}${l.attrs.map(a => html` <i>${a.key}=</i>${a.value}`)}</span></li>`)}</ol>
    ${all > lines.length && html`<p class="soft">${all - lines.length} more lines were written; the terminal has them.</p>`}`;
}

function Response({r, d}) {
  if (!r) return html`<p class="soft">${d.complete ? "Nobody waited for it." : "Not there yet."}</p>`;
  const type = ((r.header || {})["Content-Type"] || [""])[0];
  return html`${r.header && html`<table class="headers"><tbody>${Object.entries(r.header).sort().map(([k, vs]) => vs.map((v, n) => html`<tr key=${k + n}><th scope="row">${k}</th><td>${v}</td></tr>`))}</tbody></table>`}
    ${r.binary ? html`<p class="soft">${bytes(r.size)} of ${type || "binary data"}.</p>` : r.body ? html`<pre class="code" tabindex="0">${/json/.test(type) || !r.header ? pretty(r.body) : r.body}</pre>` : html`<p class="soft">No body.</p>`}
    ${r.cut && html`<p class="soft">The beginning of ${bytes(r.size)}.</p>`}`;
}
