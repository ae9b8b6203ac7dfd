import {html} from "./preact.js";
import {span, bytes, short, plural} from "./format.js";
import {link} from "./store.js";
import {Section} from "./ui.js";

// Waterfall shows where an invocation's time went: before the handler, in it, in each cached call, after the response.
export function Waterfall({d}) {
  const end = Math.max(d.done || 0, d.duration || 0, ...d.calls.map(c => c.start + c.duration), 0.01);
  const at = (from, to) => ({left: Math.max(0, Math.min(99.6, from / end * 100)) + "%", width: Math.max(0.4, (to - from) / end * 100) + "%"});
  const phases = [];
  const ready = d.delivered || d.duration;
  const started = d.assigned || 0;
  if (started >= 0.05) phases.push(["queue", "Waited for a container", 0, started]);
  if (d.cold && d.delivered > started) phases.push(["init", "Started the container", started, ready]);
  if (d.delivered || d.complete) phases.push(["handler", "Handler", ready, d.duration]);
  if (d.after >= 0.05) phases.push(["after", "Work after the response", d.duration, d.done]);
  return html`<${Section} id="time" title="Time" aside=${plural(d.calls.length, "cached call")}>
    <div class="waterfall" role="table" aria-label="Where the time went">
      ${phases.map(([kind, name, from, to]) => html`<div key=${kind} class="wrow" role="row">
        <span class="wname" role="cell">${name}</span><span class="wtrack" role="cell" aria-hidden="true"><span class=${"wbar " + kind} style=${at(from, to)}></span></span><span class="wtime" role="cell">${span(to - from)}</span></div>`)}
      ${d.calls.map((c, n) => html`<${Call} key=${n} c=${c} at=${at} />`)}
    </div>
    ${d.calls.length === 0 && d.complete && html`<p class="soft">${d.cached ? "No cached function was called." : "Nothing is known of cached calls: the function does not use Stillwarm, or was not built by the runner."}</p>`}
  <//>`;
}

const words = {hit: "hit", stale: "stale", miss: "miss", wait: "waited", refresh: "refreshed", run: "ran", store: "stored", evict: "evicted", release: "released", validate: "validated", outage: "outage"};

function Call({c, at}) {
  const notes = [];
  if (c.tier && (c.result === "hit" || c.result === "stale")) notes.push("from " + (c.tier === "backend" ? "the backend" : c.tier));
  if (c.reason) notes.push(c.reason);
  if (c.expires && c.result === "hit") notes.push("fresh for " + span(c.ttl));
  if (c.run > 0) notes.push("ran " + span(c.run));
  if (c.wait > 0) notes.push("waited " + span(c.wait) + " for another's run");
  if (c.size > 0) notes.push(bytes(c.size));
  if (c.stored) notes.push(c.stored);
  return html`<div class="wrow call" role="row">
    <span class="wname" role="cell" style=${{paddingLeft: 10 + c.depth * 14 + "px"}}>
      <a href=${c.key ? link("cache", c.function, c.key) : link("cache", c.function)} title=${c.function}>${short(c.function) || c.result}</a>${c.arg && html` <span class="arg" title=${c.arg}>${c.arg}</span>`}</span>
    <span class="wtrack" role="cell" aria-hidden="true">${c.run > 0 && c.run < c.duration && html`<span class=${"wbar thin " + c.result} style=${at(c.start, c.start + c.duration)}></span>`}<span class=${"wbar " + c.result} style=${at(c.run > 0 ? c.start + c.duration - c.run : c.start, c.start + c.duration)}></span></span>
    <span class="wtime" role="cell">${c.duration > 0 ? span(c.duration) : ""}</span>
    <span class="wnote" role="cell"><b class=${"res " + c.result}>${words[c.result] || c.result}</b>${c.after && html` <span class="soft">after the response</span>`} <span class="reason">${notes.join(" · ")}</span>${c.err && html` <span class="fault">${c.err}</span>`}</span>
  </div>`;
}
