import {html, useState, useEffect, useRef} from "./preact.js";
import {state, act, ask} from "./store.js";
import {pretty} from "./format.js";
import {useFetch} from "./ui.js";

// Composer sends a request as a client would, or a raw event.
export function Composer({from, sent, close}) {
  const {about} = state;
  const [mode, setMode] = useState(from.event || about.plain ? "event" : "http");
  const [method, setMethod] = useState("GET");
  const [path, setPath] = useState("/");
  const [headers, setHeaders] = useState("");
  const [body, setBody] = useState("");
  const [event, setEvent] = useState(pretty(from.event || about.sample || "{}"));
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const samples = useFetch(() => ask("samples"), []);
  const first = useRef(null);
  useEffect(() => { first.current && first.current.focus(); }, [mode]);
  const submit = async e => {
    e.preventDefault();
    setProblem("");
    let what;
    if (mode === "event") {
      try { JSON.parse(event); } catch (x) { setProblem("This is not JSON: " + x.message); return; }
      what = {event};
    } else {
      const header = {};
      for (const line of headers.split("\n")) {
        const i = line.indexOf(":");
        if (i > 0) (header[line.slice(0, i).trim()] ||= []).push(line.slice(i + 1).trim());
      }
      what = {method, path, header, body};
    }
    setBusy(true);
    const id = await act("send", what);
    setBusy(false);
    if (id !== undefined) sent(id);
  };
  const keys = e => {
    if (e.key === "Escape") { e.stopPropagation(); close(); }
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) submit(e);
  };
  return html`<form class="composer" onSubmit=${submit} onKeyDown=${keys} aria-label="Send">
    <div class="line">
      <div class="tabs" role="group" aria-label="What to send">
        <button type="button" aria-pressed=${mode === "http"} onClick=${() => setMode("http")}>Request</button>
        <button type="button" aria-pressed=${mode === "event"} onClick=${() => setMode("event")}>Event</button></div>
      <span class="grow soft late">${mode === "http" ? "sent to the function as " + ({http: "payload 2.0", rest: "a REST API event", alb: "a load balancer event"}[about.event] || about.event) : about.input ? "the handler takes " + about.input : ""}</span>
      <button type="button" class="quiet" onClick=${close} aria-label="Close">×</button>
    </div>
    ${mode === "http" ? html`
      <div class="line"><select aria-label="Method" value=${method} onChange=${e => setMethod(e.target.value)}>${["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].map(m => html`<option key=${m} value=${m} selected=${m === method}>${m}</option>`)}</select>
        <input ref=${first} class="grow mono" aria-label="Path and query" value=${path} onInput=${e => setPath(e.target.value)} spellcheck="false" /></div>
      <label>Headers <textarea rows="2" class="mono" placeholder="Accept: application/json" value=${headers} onInput=${e => setHeaders(e.target.value)} spellcheck="false"></textarea></label>
      ${method !== "GET" && method !== "HEAD" && html`<label>Body <textarea rows="4" class="mono" value=${body} onInput=${e => setBody(e.target.value)} spellcheck="false"></textarea></label>`}` : html`
      <label>Sample <select onChange=${e => { const s = (samples.value || []).find(s => s.name === e.target.value); if (s) setEvent(pretty(s.event)); }}>
        <option value="">choose one…</option>${(samples.value || []).map(s => html`<option key=${s.name} value=${s.name}>${s.title}</option>`)}</select></label>
      <label>Event <textarea ref=${first} name="event" rows="12" class="mono" value=${event} onInput=${e => setEvent(e.target.value)} spellcheck="false"></textarea></label>`}
    ${problem && html`<p class="fault" role="alert">${problem}</p>`}
    <div class="line"><button type="submit" class="primary" disabled=${busy}>${busy ? "Waiting for the answer…" : "Send"}</button><span class="soft late">Ctrl-Enter sends, Esc closes</span></div>
  </form>`;
}
