import {html, useState} from "./preact.js";
import {state, act, ask, go, link, notice, now} from "./store.js";
import {span, ago, bytes, plural, percent, short, clock} from "./format.js";
import {Pill, Button, Empty, Section, useFetch, useTick, moveRows} from "./ui.js";

export function Cache({parts}) {
  const [name, key] = parts;
  const f = state.functions.find(f => f.name === name);
  const counted = state.functions.reduce((n, f) => n + f.calls, 0);
  const entries = useFetch(() => ask("entries"), [counted, state.containers.map(c => c.slot + c.state).join(), state.about.clock, useRefresh()]);
  const list = entries.value ? entries.value.entries : [];
  const saved = state.functions.reduce((n, f) => n + f.savedMs, 0);
  if (!state.functions.length) return html`<${Empty}><h2>No cached function is known yet</h2><p>Functions show here when a container has started and wrapped them. <a href=${link("invocations")}>Send a request</a> first.</p>
    <p class="soft">A function that was built elsewhere (--binary) tells nothing; build it with -tags stillwarm_dev, or let the runner build it.</p><//>`;
  return html`<div class=${"split " + (f ? "has-detail" : "")}>
    <div class="pane list">
      <div class="tools wrap"><span class="soft grow">${plural(state.functions.length, "function")} · ${plural(list.length, "entry", "entries")} in memory, ${bytes(list.reduce((n, e) => n + e.size, 0))} · ${span(saved)} saved</span>
        <${ClearTag} />
        <${Button} kind="danger" run=${() => clear({all: true}, "Everything was cleared.")}>Clear all<//></div>
      <div class="scroll" onKeyDown=${moveRows}><table class="rows"><thead><tr><th>Function</th><th class="n">Calls</th><th>Hit rate</th><th class="n late">Run</th><th class="n">Saved</th><th class="n">Entries</th><th class="n late">Bytes</th></tr></thead>
      <tbody>${state.functions.map(f => html`<${FunctionRow} key=${f.name} f=${f} selected=${f.name === name} entries=${list.filter(e => e.function === f.name)} />`)}</tbody></table></div>
      ${entries.error && html`<p class="fault pad">${entries.error}</p>`}
      ${entries.value && entries.value.problems.map(p => html`<p class="soft pad" key=${p}>${p}</p>`)}
    </div>
    ${f && html`<div class="pane detail"><${FunctionDetail} key=${f.name} f=${f} chosen=${key} read=${Boolean(entries.value)} entries=${list.filter(e => e.function === f.name)} /></div>`}
  </div>`;
}

// useRefresh changes every three seconds while the view is open: entries of other requests come and go.
function useRefresh() {
  useTick(3000);
  return Math.floor(Date.now() / 3000);
}

export async function clear(target, done) {
  if (await act("clear", {target})) { notice(done); }
}

function ClearTag() {
  const [tag, setTag] = useState("");
  return html`<form class="line" onSubmit=${e => { e.preventDefault(); if (tag) clear({tag}, "Entries with the tag " + tag + " were cleared."); }}>
    <input placeholder="tag" aria-label="Tag to clear" size="10" value=${tag} onInput=${e => setTag(e.target.value)} /><button type="submit" disabled=${!tag}>Clear tag</button></form>`;
}

function FunctionRow({f, selected, entries}) {
  const open = () => go("cache", f.name);
  return html`<tr data-row tabindex=${selected ? 0 : -1} aria-selected=${selected} class=${selected ? "selected" : ""} onClick=${open} onKeyDown=${e => e.key === "Enter" && open()}>
    <td class="label"><a href=${link("cache", f.name)} class="clip" title=${f.name} tabindex=${selected ? -1 : 0}>${short(f.name)}</a> ${f.kind !== "data" && html`<${Pill}>${f.kind === "resource" ? "resource" : "HTTP"}<//>`}</td>
    <td class="n">${f.calls}</td><td><${Rate} f=${f} /></td><td class="n late">${f.runs ? span(f.meanRun) : ""}</td><td class="n">${f.savedMs ? span(f.savedMs) : ""}</td>
    <td class="n">${entries.length || ""}</td><td class="n soft late">${entries.length ? bytes(entries.reduce((n, e) => n + e.size, 0)) : ""}</td></tr>`;
}

function Rate({f}) {
  if (!f.calls) return html`<span class="soft">not called</span>`;
  const part = n => ({width: n / f.calls * 100 + "%"});
  const text = `${f.memoryHits} from memory, ${f.backendHits} from the backend, ${f.stale} stale, ${f.misses} missed`;
  return html`<span class="rate" title=${text}><span class="ratebar" aria-hidden="true"><i class="memory" style=${part(f.memoryHits)}></i><i class="backend" style=${part(f.backendHits)}></i><i class="stale" style=${part(f.stale)}></i></span><span class="n">${percent(f.rate)}</span><span class="unseen">${text}</span></span>`;
}

// FunctionDetail shows one function. Until the containers' memories were read, nothing is said about what they hold.
function FunctionDetail({f, chosen, read, entries}) {
  const options = f.options || [];
  const facts = [
    ["memory hits", f.memoryHits], ["backend hits", f.backendHits], ["stale", f.stale], ["misses", f.misses], ["waits", f.waits],
    ["runs", f.runs ? html`${f.runs}, ${span(f.meanRun)} each` : 0], ["errors", f.errors], ["largest entry", f.largest ? bytes(f.largest) : ""], ["last miss", f.lastReason],
  ].filter(x => x[1]);
  return html`<div class="head"><a class="back" href=${link("cache")}>‹ All</a><h2><span class="clip" title=${f.name}>${short(f.name)}</span></h2><span class="grow"></span>
      <${Button} kind="danger" run=${() => clear({function: f.name}, short(f.name) + " was cleared.")}>Clear function<//></div>
    <p class="soft mono wrapall">${f.name}${f.place && html`, wrapped at ${f.place}`}</p>
    <dl class="grid">${facts.map(([k, v]) => html`<div key=${k}><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>
    <${Section} id="entries" title="Entries in memory" aside=${read ? plural(entries.length, "entry", "entries") : ""}>${read ? html`<${Entries} f=${f} list=${entries} chosen=${chosen} />` : html`<p class="soft">Reading…</p>`}<//>
    ${read && chosen && !entries.some(e => e.key === chosen) && html`<${Section} id="elsewhere" title="Entry" aside="not in memory"><dl class="grid"><div><dt>key</dt><dd class="mono wrapall">${chosen}</dd></div></dl><${Held} f=${f} id=${chosen} version=${entries.length} /><//>`}
    <${Section} id="code" title="Key" open=${false} aside=${options.length ? plural(options.length, "option") : ""}>
      <table class="headers"><tbody>
        <tr><th scope="row">code identity</th><td class="mono wrapall">${f.identity || "not known"}</td></tr>
        <tr><th scope="row">persists</th><td>${f.persists ? "yes" : "no"}</td></tr>
        ${options.map(o => html`<tr key=${o.name}><th scope="row">${o.name}</th><td class="mono">${o.value}</td></tr>`)}</tbody></table>
      ${f.in && html`<div class="trees"><div><h4>In</h4><${Tree} t=${f.in} /></div>${f.out && html`<div><h4>Out</h4><${Tree} t=${f.out} /></div>`}</div>`}<//>`;
}

function Tree({t}) {
  return html`<ul class="tree"><li><span class="tname">${t.name}</span> <span class="ttype">${short(t.type)}</span>${t.fields && t.fields.map(c => html`<${Tree} key=${c.name} t=${c} />`)}</li></ul>`;
}

function Entries({f, list, chosen}) {
  if (!list.length) return html`<p class="soft">${f.calls ? "Memory holds none: they were cleared, expired, or their containers are gone." : "It was not called yet."}</p>`;
  const http = list.some(e => e.url);
  const groups = http ? Object.entries(Object.groupBy(list, e => e.url || "")) : [["", list]];
  return html`<div onKeyDown=${moveRows}>${groups.map(([url, entries]) => html`<div key=${url}>${url && html`<h4 class="mono wrapall">${url}</h4>`}
    <table class="rows inner"><thead><tr><th>${http ? "Variant" : "Argument"}</th><th class="n late">Age</th><th class="n">Expires</th><th class="n">Size</th><th><span class="unseen">Actions</span></th></tr></thead>
    <tbody>${entries.map(e => html`<${EntryRow} key=${e.key} e=${e} f=${f} open=${e.key === chosen} />`)}</tbody></table></div>`)}</div>`;
}

function EntryRow({e, f, open}) {
  useTick(1000);
  const t = Date.now() - (Date.now() - e.now) + 0;
  const at = now() + state.about.clock;
  const left = e.fresh ? e.fresh / 1e6 - at : Infinity;
  const toggle = () => open ? go("cache", f.name) : go("cache", f.name, e.key);
  return html`<tr data-row tabindex=${open ? 0 : -1} aria-expanded=${open} class=${open ? "selected" : ""} onClick=${toggle} onKeyDown=${x => x.key === "Enter" && toggle()}>
      <td class="label"><a href=${open ? link("cache", f.name) : link("cache", f.name, e.key)} class="clip mono" onClick=${x => x.stopPropagation()} title=${e.variant || e.arg || e.key}>${e.variant || e.arg || html`<span class="soft">key ${e.key.slice(0, 12)}…</span>`}</a></td>
      <td class="n late">${ago(at - e.created / 1e6)}</td><td class=${"n " + (left <= 0 ? "fault" : "")}>${left === Infinity ? html`<span class="soft">never</span>` : left > 0 ? ago(left) : "expired"}</td>
      <td class="n">${bytes(e.size)}</td><td class="n"><${Button} kind="quiet" label=${"Clear " + (e.arg || e.key)} run=${() => clear({function: f.name, key: e.key}, "The entry was cleared.")}>Clear<//></td></tr>
    ${open && html`<tr class="value"><td colspan="5"><${EntryValue} e=${e} f=${f} /></td></tr>`}`;
}

function EntryValue({e, f}) {
  return html`<dl class="grid"><div><dt>key</dt><dd class="mono wrapall">${e.key}</dd></div><div><dt>made</dt><dd>${clock(e.created / 1e6)}</dd></div>
      ${e.runTime > 0 && html`<div><dt>its run took</dt><dd>${span(e.runTime / 1e6)}</dd></div>`}<div><dt>held by</dt><dd>${e.slots.map(s => "#" + s).join(", ")}</dd></div></dl>
    <${Held} f=${f} id=${e.key} version=${e.created} />`;
}

// Held is what memory or the backend holds under a key.
function Held({f, id, version}) {
  const got = useFetch(() => ask("value?function=" + encodeURIComponent(f.name) + "&key=" + encodeURIComponent(id)), [id, version]);
  return got.error ? html`<p class="fault">${got.error}</p>` : got.value ? html`<div class="values"><${Value} v=${got.value} root /></div>` : html`<p class="soft">Reading…</p>`;
}

function Value({v, root}) {
  const [open, setOpen] = useState(root || (v.children || []).length <= 8);
  const kids = v.children || [];
  return html`<div class="v">${kids.length ? html`<button type="button" class="fold" aria-expanded=${open} onClick=${e => { e.stopPropagation(); setOpen(!open); }}><span class="chevron" aria-hidden="true"></span><span class="tname">${v.name || "value"}</span> <span class="ttype">${short(v.type)} (${kids.length}${v.cut ? "+" : ""})</span></button>` :
      html`<span class="leaf"><span class="tname">${v.name}</span> <span class="tvalue">${v.text}</span> <span class="ttype">${short(v.type)}</span></span>`}
    ${kids.length > 0 && open && html`<div class="kids">${kids.map((c, n) => html`<${Value} key=${n} v=${c} />`)}${v.cut && html`<span class="soft">and more</span>`}</div>`}</div>`;
}
