// Words, elements and numbers: what every other module uses.
//
// Design:
// - `h` makes elements from data; text is always set as text, never as markup, so that nothing a model writes can
//   become code.
// - `sync` keeps a list of keyed elements in step with a list of data without touching what has not changed: a player
//   that is playing goes on playing.
// - `t` speaks the page's language; `words` picks from data that brings its own words.

const base = new URL(".", import.meta.url);
const version = new URL(import.meta.url).search;
const tables = await (await fetch(new URL(`strings.json${version}`, base))).json();

export const language = () => document.documentElement.dataset.lang;
export const short = () => (language() === "en" ? "en" : "zh");

export function t(key, values = {}) {
  const one = values.n === 1 && `${key}.one` in tables.en ? `${key}.one` : key;
  const line = tables[language()][one] ?? tables.en[one] ?? key;
  return line.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const words = (given) => (typeof given === "string" ? given : (given?.[short()] ?? given?.en ?? given?.zh ?? ""));

/** Lang attribute of generated text. */
export const tag = (code) => (code === "zh" ? "zh-CN" : code);

export function h(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "rect", "circle", "g", "line"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.setAttribute("class", value);
    else if (key in node && !svg && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Set text only when it differs: selections and screen readers are left alone. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function set(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Keep `parent`'s children in step with `items`; `make(item)` once a key, `update(node, item)` each time. */
export function sync(parent, items, key, make, update) {
  const known = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let at = null;
  for (const item of items) {
    const name = String(key(item));
    let node = known.get(name);
    if (!node) {
      node = make(item);
      node.dataset.key = name;
    }
    known.delete(name);
    const next = at ? at.nextElementSibling : parent.firstElementChild;
    if (next !== node) parent.insertBefore(node, next);
    update(node, item);
    at = node;
  }
  for (const gone of known.values()) gone.remove();
}

export function icon(name) {
  const span = h("span", { class: `icon icon-${name}`, "aria-hidden": "true" });
  return span;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) [value, at] = [value / 1000, at + 1];
  return `${value.toFixed(value < 10 && at ? 1 : 0)} ${units[at]}`;
}

export function when(seconds) {
  const date = new Date(seconds * 1000);
  const today = new Date().toDateString() === date.toDateString();
  const options = today ? { hour: "2-digit", minute: "2-digit" } : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  const text = new Intl.DateTimeFormat(language(), { ...options, hour12: false }).format(date);
  return today ? (short() === "zh" ? `今天 ${text}` : `today ${text}`) : text;
}

let toastTimer = 0;
export function toast(text, kind = "ok") {
  let node = document.getElementById("toast");
  if (!node) document.body.append((node = h("div", { id: "toast", role: "status" })));
  node.className = `show ${kind}`;
  say(node, text);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => node.classList.remove("show"), 3200);
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "offscreen" }); // no clipboard without a secure origin
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(t("toast.copied"));
}

/** JSON of one of our own routes; failures carry the server's one line. */
export async function call(path, options = {}) {
  const { body, ...rest } = options;
  const request = { headers: {}, ...rest };
  if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
    request.method ??= "POST";
  }
  const answer = await fetch(path, request);
  if (answer.status === 304) return null;
  const data = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  if (!answer.ok) throw Object.assign(new Error(words(data?.error?.message) || answer.statusText), { data, status: answer.status });
  return data;
}
