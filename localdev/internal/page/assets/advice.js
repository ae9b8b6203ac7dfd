import {html} from "./preact.js";
import {state, link} from "./store.js";
import {short, clock} from "./format.js";
import {Empty, Pill} from "./ui.js";

const titles = {deprecation: "deprecated", "never-hits": "never hits", slower: "slower", large: "large", store: "not stored"};

export function Advice() {
  const {advice, top, about} = state;
  const warnings = top.warnings.filter(w => !/deprecated|will be removed/.test(w.text)).slice().reverse();
  if (!advice.length && !warnings.length) return html`<div class="pane whole"><${Empty}><h2>Nothing to mend</h2>
    <p>Advice shows here: deprecated names, functions that never hit and which field keeps them from it, functions that are slower with the cache than without, entries that are too large. It needs some twenty calls of a function.</p><//></div>`;
  return html`<div class="pane whole"><ul class="cards advice">
    ${advice.map((a, n) => html`<li class="card" key=${a.kind + a.function + n}><div class="line"><${Pill} kind="warn">${titles[a.kind] || a.kind}<//><h2>${a.title}</h2></div>
      ${a.function && html`<p><a href=${link("cache", a.function)} title=${a.function}>${short(a.function)}</a></p>`}<p class="wrapall">${a.text}</p><p><b>What to do:</b> ${a.do}</p></li>`)}
    ${warnings.map((w, n) => html`<li class="card" key=${"w" + n}><div class="line"><${Pill} kind="warn">warning<//><span class="grow"></span><span class="soft">${w.slot ? "container #" + w.slot + ", " : ""}${clock(w.at)}</span></div><p class="wrapall">${w.text}</p></li>`)}
  </ul>${about.settings && about.settings.length > 0 && html`<div class="pad"><h3>Settings of the function</h3>${about.settings.map(s => html`<p key=${s} class="soft wrapall">${s}</p>`)}</div>`}</div>`;
}
