import {html, render, useState, useEffect} from "./preact.js";
import {state, subscribe, connect, route, link, act, notice, now} from "./store.js";
import {span, ago, plural} from "./format.js";
import {Pill, Button, useTick} from "./ui.js";
import {Invocations} from "./invocations.js";
import {Cache} from "./cache.js";
import {Containers} from "./containers.js";
import {Advice} from "./advice.js";

const views = {
  invocations: {title: "Invocations", show: Invocations, count: () => state.totals.invocations},
  cache: {title: "Cache", show: Cache, count: () => state.functions.length},
  containers: {title: "Containers", show: Containers, count: () => state.containers.length},
  advice: {title: "Advice", show: Advice, count: () => state.advice.length + state.top.warnings.filter(w => !/deprecated|will be removed/.test(w.text)).length},
};

function Header({view}) {
  const {about, build} = state;
  const chip = build.status === "failed" ? ["bad", "build failed"] : build.status === "building" ? ["cold", "building"] : ["ok", "version " + build.serving];
  const down = state.top.outages.length > 0;
  return html`<header>
    <div class="bar">
      <h1><span class="mark" aria-hidden="true"></span>Stillwarm <span class="fn" title=${about.function}>${about.name}</span></h1>
      <dl class="facts">
        <div><dt>code</dt><dd><${Pill} kind=${chip[0]}>${chip[1]}<//>${build.status === "ok" && build.took > 0 && html` <span class="soft late">built in ${span(build.took)}</span>`}</dd></div>
        <div class="backend"><dt>backend</dt><dd title=${about.backend}><${Pill} kind=${down ? "bad" : about.backend ? "ok" : ""}>${down ? "outage" : about.backend ? "up" : "none"}<//> <code class="late">${shortBackend(about.backend)}</code></dd></div>
        <div class="late"><dt>limits</dt><dd>${about.memoryMB} MB, ${about.timeout}</dd></div>
        ${about.clock !== 0 && html`<div><dt>clock</dt><dd><a href=${link("containers")}><${Pill} kind="warn">${about.clock > 0 ? "+" : "−"}${ago(Math.abs(about.clock))}<//></a></dd></div>`}
      </dl>
      <span class=${"online " + (state.online ? "on" : "off")}>${state.online ? "live" : "no answer"}</span>
    </div>
    <nav aria-label="Views">${Object.entries(views).map(([name, v]) => html`
      <a key=${name} href=${link(name)} aria-current=${view === name ? "page" : null}>${v.title}<span class="count">${v.count() || ""}</span></a>`)}
    </nav>
  </header>`;
}

function shortBackend(s) {
  return s.split(" ").filter(Boolean).map(u => u.replace(/^disk:\/\/.*/, "files on disk").replace(/\?.*$/, "").replace(/:xxxxx@/, "")).join(", ");
}

function Banner({kind, title, children, action}) {
  return html`<section class=${"banner " + kind} role="alert"><div class="line"><h2>${title}</h2>${action}</div>${children}</section>`;
}

// Trouble is the first thing seen: what is wrong, what was said, what to do.
function Trouble() {
  const {build, top, about} = state;
  const list = [];
  if (!state.online) list.push(html`<${Banner} key="off" kind="bad" title="The runner does not answer"><p>Its terminal says why. This page connects again by itself when it is back.</p><//>`);
  if (build.status === "failed") list.push(html`<${Banner} key="build" kind="bad" title=${build.serving ? "The build failed; version " + build.serving + " still serves" : "The build failed"}
      action=${html`<${Button} run=${() => act("build")}>Build again<//>`}>
      <pre class="problem" tabindex="0">${build.problem}</pre>
      <p>${about.watch ? "Mend the code and save: it is built again at once." : "Mend the code, then build again."}</p><//>`);
  for (const o of top.outages) list.push(html`<${Banner} key=${o.what} kind="bad" title=${"Outage: " + o.what}>
      <p class="mono">${o.text}</p><p>${o.do}</p><p class="soft">For ${ago(now() - o.since)}.</p><//>`);
  if (top.crash) list.push(html`<${Banner} key="crash" kind="bad" title=${"Crash loop: " + plural(top.crash.count, "container") + " ended in a row"}>
      <p class="mono">${top.crash.fault}</p>
      ${top.crash.lines && top.crash.lines.length > 0 && html`<pre class="problem" tabindex="0">${top.crash.lines.join("\n")}</pre>`}
      <p>The lines above are the last that the function wrote. Each request starts a new container and tries again.</p><//>`);
  for (const p of state.progress) list.push(html`<${Running} key=${p.slot + p.function} p=${p} />`);
  if (build.status === "building" && build.serving > 0) list.push(html`<${Banner} key="building" kind="calm" title="Building"><p class="soft">${(build.changed || []).join(", ")}</p><//>`);
  if (build.status === "ok" && (build.changed || []).length > 0 && now() - build.since < 15000) list.push(html`<${Banner} key="built" kind="good" title=${"Version " + build.serving + " serves"}>
      <p>${build.changed.slice(0, 5).join(", ")} changed; built in ${span(build.took)}.</p>
      ${(build.keys || []).map(line => html`<p key=${line}>${line}</p>`)}<//>`);
  return html`<div class="trouble">${list}</div>`;
}

function Running({p}) {
  useTick(200);
  return html`<section class="banner calm"><div class="line"><h2><span class="spin" aria-hidden="true"></span>${p.text}</h2>
    <span class="soft">container #${p.slot}, ${span(Math.max(p.elapsed, now() - p.since))}</span></div></section>`;
}

function App() {
  const [, draw] = useState(0);
  const [at, setAt] = useState(route());
  useEffect(() => subscribe(() => draw(n => n + 1)), []);
  useEffect(() => {
    const f = () => setAt(route());
    addEventListener("hashchange", f);
    return () => removeEventListener("hashchange", f);
  }, []);
  useEffect(() => { document.title = (state.build && state.build.status === "failed" ? "✗ " : "") + (state.about ? state.about.name + " · " : "") + "Stillwarm"; });
  if (!state.ready) return html`<p class="boot">Connecting to the runner…</p>`;
  const view = views[at.view] ? at.view : "invocations";
  const View = views[view].show;
  return html`<${Header} view=${view} /><${Trouble} />
    <main id="main" tabindex="-1" aria-label=${views[view].title}><${View} key=${view} parts=${at.parts} /></main>
    ${state.notice && html`<div class=${"toast " + (state.notice.bad ? "bad" : "")}>${state.notice.text}<button type="button" class="quiet" aria-label="Dismiss" onClick=${() => { state.notice = null; draw(n => n + 1); }}>×</button></div>`}`;
}

// Keys: 1 to 4 choose a view, / the filter, n a new request.
addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey || /INPUT|TEXTAREA|SELECT/.test(e.target.tagName)) return;
  const names = Object.keys(views);
  if (names[e.key - 1]) location.hash = link(names[e.key - 1]);
  if (e.key === "/") { const f = document.querySelector("[data-filter]"); if (f) { e.preventDefault(); f.focus(); } }
  if (e.key === "n") { const b = document.querySelector("[data-new]"); if (b) { e.preventDefault(); b.click(); } }
});

document.getElementById("app").replaceChildren();
render(html`<${App} />`, document.getElementById("app"));
connect();
