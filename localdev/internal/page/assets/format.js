// How numbers and names are written.
export function span(ms) {
  if (ms === undefined || ms === null || Number.isNaN(ms)) return "";
  const a = Math.abs(ms);
  if (a < 0.001) return "0 ms";
  if (a < 1) return ms.toFixed(2) + " ms";
  if (a < 10) return ms.toFixed(1) + " ms";
  if (a < 1000) return ms.toFixed(0) + " ms";
  if (a < 60000) return (ms / 1000).toFixed(2) + " s";
  return ago(ms);
}
export function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + String(s % 60).padStart(2, "0") + " s";
  if (s < 86400) return Math.floor(s / 3600) + " h " + String(Math.floor((s % 3600) / 60)).padStart(2, "0") + " min";
  return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
}
export function bytes(n) {
  if (!n) return "0 B";
  if (n < 1024) return n + " B";
  if (n < 1048576) return (n / 1024).toFixed(n < 10240 ? 1 : 0) + " KB";
  return (n / 1048576).toFixed(n < 10485760 ? 1 : 0) + " MB";
}
export const clock = t => new Date(t).toLocaleTimeString([], {hour12: false});
export const plural = (n, one, many) => n + " " + (n === 1 ? one : many || one + "s");
export const percent = x => Math.round(x * 100) + " %";
export const short = name => name.slice(name.lastIndexOf("/") + 1);
export function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}
