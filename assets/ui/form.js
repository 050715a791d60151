// The brief: one value, shown as a form or as YAML.
//
// Design:
// - `desk.value` is the truth: {brief, seed, only}. Inputs write into it by their `data-path`; the component hands it
//   to Python, which answers with complaints (the verdict). Fields this form has no input for are kept as they are.
// - A complaint about `product.facts[2]` is shown under `product.facts`; one that has no line of its own goes to the
//   foot. Empty fields are not blamed until the first try to start: nobody likes a form that is red at birth.
// - Files are sent to /api/files, which checks them; the brief holds the name they get there.

import { call, h, say, set, short, size, t, toast, words } from "./dom.js";

const PARTS = ["copy", "posters", "voice", "video"];
const desk = { value: { brief: {}, seed: null, only: [] }, view: "form", verdict: { problems: [] }, tried: false };
const at = (path) => path.split(".").reduce((part, name) => part?.[name], desk.value.brief);
let form, foot, order, props, trigger, checkSoon, samples;

function put(path, value) {
  const names = path.split(".");
  const brief = structuredClone(desk.value.brief ?? {});
  let part = brief;
  for (const name of names.slice(0, -1)) part = part[name] = { ...(part[name] ?? {}) };
  const empty = value === "" || value === null || (Array.isArray(value) && !value.length);
  if (empty) delete part[names.at(-1)];
  else part[names.at(-1)] = value;
  change({ ...desk.value, brief });
}

function change(value) {
  desk.value = value;
  if (props) props.value = value;
  said();
  clearTimeout(checkSoon);
  checkSoon = setTimeout(() => trigger?.("input"), 280);
  document.dispatchEvent(new CustomEvent("studio:brief", { detail: value }));
}

/** Replace the whole brief (a sample, an earlier job). */
export function load(brief, { seed = null, only = [] } = {}) {
  desk.tried = false;
  change({ brief, seed, only });
  draw();
  if (desk.view === "yaml") trigger("select");
  document.body.dataset.view = "brief";
}

/** A job was opened while the form is untouched: show the brief it was made from. */
export function adopt({ brief, seed, only }) {
  if (!form || at("product.name") || at("brand.name") || !brief?.product) return;
  change({ brief, seed, only });
  draw();
  if (desk.view === "yaml") trigger("select");
}

// -- kinds of inputs -----------------------------------------------------------------------------------------------

const kinds = {
  text: {
    read: (node) => node.value,
    write: (node, value) => quietly(node, value ?? ""),
    bind: (node, done) => node.addEventListener("input", done),
  },
  select: {
    read: (node) => node.value,
    write: (node, value) => {
      if (value && ![...node.options].some((option) => option.value === value)) node.append(h("option", { value }, value));
      node.value = value ?? "";
    },
    bind: (node, done) => node.addEventListener("change", done),
  },
  number: {
    read: (node) => Number(node.value),
    write: (node, value) => {
      const fallback = { "video.seconds": 15, "video.speed": 1 }[node.dataset.path];
      node.value = value ?? fallback;
      dial(node);
    },
    bind: (node, done) => node.addEventListener("input", () => (dial(node), done())),
  },
  lines: {
    read: (node) => node.value.split("\n").map((line) => line.trim()).filter(Boolean),
    write: (node, value) => {
      const now = kinds.lines.read(node);
      if (JSON.stringify(now) !== JSON.stringify(value ?? [])) quietly(node, list(value).join("\n"));
      grow(node);
    },
    bind: (node, done) => node.addEventListener("input", () => (grow(node), done())),
  },
  words: {
    read: (node) => node.value.split(/[\n,，、;；]/).map((word) => word.trim()).filter(Boolean),
    write: (node, value) => {
      const now = kinds.words.read(node);
      if (JSON.stringify(now) !== JSON.stringify(value ?? [])) quietly(node, list(value).join(short() === "zh" ? "，" : ", "));
      grow(node);
    },
    bind: (node, done) => node.addEventListener("input", () => (grow(node), done())),
  },
  pairs: {
    read: (node) => {
      const rows = node.value.split("\n").map((row) => row.split(/[=＝:：]/)).filter((row) => row[0].trim());
      return rows.length ? Object.fromEntries(rows.map(([word, ...how]) => [word.trim(), how.join("=").trim()])) : null;
    },
    write: (node, value) => {
      if (JSON.stringify(kinds.pairs.read(node)) === JSON.stringify(value ?? null)) return;
      const rows = value && typeof value === "object" ? Object.entries(value) : [];
      quietly(node, rows.map(([word, how]) => `${word} = ${how}`).join("\n"));
      grow(node);
    },
    bind: (node, done) => node.addEventListener("input", () => (grow(node), done())),
  },
  one: {
    read: (node) => node.querySelector("[aria-checked=true]")?.dataset.value ?? "",
    write: (node, value) => {
      const fallback = { "video.aspect": "9:16", "video.music": "calm", "label.position": "bottom_right" }[node.dataset.path];
      for (const chip of node.children) set(chip, "aria-checked", chip.dataset.value === (value ?? fallback));
      roving(node);
    },
    bind: (node, done) => pick(node, (chip) => {
      for (const other of node.children) set(other, "aria-checked", other === chip);
      roving(node);
      done();
    }),
  },
  many: {
    read: (node) => [...node.querySelectorAll("[aria-checked=true]")].map((chip) => chip.dataset.value),
    write: (node, value) => {
      for (const chip of node.children) set(chip, "aria-checked", list(value).includes(chip.dataset.value));
    },
    bind: (node, done) => pick(node, (chip) => {
      set(chip, "aria-checked", chip.getAttribute("aria-checked") !== "true");
      done();
    }),
  },
  switch: {
    read: (node) => node.getAttribute("aria-checked") === "true",
    write: (node, value) => set(node, "aria-checked", value ?? true),
    bind: (node, done) => node.addEventListener("click", () => {
      set(node, "aria-checked", node.getAttribute("aria-checked") !== "true");
      done();
    }),
  },
  tokens: {
    read: (node) => [...node.querySelectorAll(".token")].map((token) => token.dataset.value),
    write: (node, value) => {
      for (const token of node.querySelectorAll(".token")) token.remove();
      node.prepend(...list(value).map(token));
    },
    bind: tokens,
  },
  colours: {
    read: (node) => [...node.querySelectorAll("input")].map((input) => input.value),
    write: (node, value) => swatches(node, list(value)),
    bind: () => {},
  },
  file: { read: () => undefined, write: picture, bind: drop },
};

const list = (value) => (Array.isArray(value) ? value : value ? [value] : []);

function quietly(node, value) {
  const text = typeof value === "string" ? value : String(value);
  if (node.value !== text) node.value = text;
}

function grow(node) {
  node.style.height = "auto";
  if (node.scrollHeight) node.style.height = `${node.scrollHeight + 2}px`;
}

function dial(node) {
  const low = Number(node.min);
  node.style.setProperty("--part", `${((node.value - low) / (node.max - low)) * 100}%`);
  const output = node.nextElementSibling;
  const value = Number(node.value);
  say(output, output.dataset.unit ? t(output.dataset.unit, { n: value }) : `${value.toFixed(Number(output.dataset.digits))}×`);
}

function pick(node, chosen) {
  node.addEventListener("click", (event) => {
    const chip = event.target.closest(".chip");
    if (chip) chosen(chip);
  });
  if (node.dataset.kind !== "one") return;
  node.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const chips = [...node.children];
    const here = chips.indexOf(event.target.closest(".chip"));
    if (!step || here < 0) return;
    event.preventDefault();
    const next = chips[(here + step + chips.length) % chips.length];
    chosen(next);
    next.focus();
  });
}

/** One stop for the Tab key in a radio group. */
function roving(node) {
  const on = node.querySelector("[aria-checked=true]") ?? node.firstElementChild;
  for (const chip of node.children) chip.tabIndex = chip === on ? 0 : -1;
}

function token(value) {
  const remove = h("button", { type: "button", "aria-label": `${t("brief.file.remove")} ${value}` }, "×");
  return h("span", { class: "token", "data-value": value }, h("span", {}, value), remove);
}

function tokens(node, done) {
  const input = node.querySelector("input");
  const add = () => {
    const now = kinds.tokens.read(node);
    const fresh = input.value.split(/[,，、;；\n]/).map((word) => word.trim()).filter((word) => word && !now.includes(word));
    input.value = "";
    if (!fresh.length) return;
    input.before(...fresh.map(token));
    done();
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter that ends Chinese input is not ours
    if (event.key === "Enter") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && !input.value) {
      const last = [...node.querySelectorAll(".token")].at(-1);
      if (last) (last.remove(), done());
    }
  });
  input.addEventListener("input", (event) => !event.isComposing && /[,，、;；]/.test(input.value) && add());
  input.addEventListener("blur", add);
  node.addEventListener("click", (event) => {
    const button = event.target.closest(".token button");
    if (button) (button.parentElement.remove(), done());
    else input.focus();
  });
}

function swatches(node, colours) {
  const done = () => put(node.dataset.path, kinds.colours.read(node));
  const make = (colour) => {
    const input = h("input", { type: "color", "aria-label": colour });
    const code = h("code", {}, colour);
    input.value = /^#[0-9a-fA-F]{6}$/.test(colour) ? colour : "#888888";
    const remove = h("button", { type: "button", "aria-label": t("brief.colours.remove", { colour }) }, "×");
    const swatch = h("label", { class: "swatch", style: `--colour:${input.value}` }, input, h("i"), code, remove);
    input.addEventListener("input", () => {
      swatch.style.setProperty("--colour", input.value);
      say(code, input.value);
      done();
    });
    remove.addEventListener("click", (event) => {
      event.preventDefault();
      swatch.remove();
      done();
      swatches(node, kinds.colours.read(node));
    });
    return swatch;
  };
  const add = h("button", { type: "button", class: "swatch add" }, "+ ", t("brief.colours.add"));
  add.addEventListener("click", () => {
    const fresh = make(["#0b1e3b", "#ffb347", "#1f6f5c", "#d8572a", "#f3e9dc", "#6b4eff"][node.querySelectorAll("input").length] ?? "#888888");
    add.before(fresh);
    done();
    add.hidden = kinds.colours.read(node).length >= 6;
    fresh.querySelector("input").click();
  });
  node.replaceChildren(...colours.map((colour) => make(String(colour))), add);
  add.hidden = colours.length >= 6;
}

// -- files ---------------------------------------------------------------------------------------------------------

function picture(node, value) {
  const [empty, full] = [node.querySelector(".drop-empty"), node.querySelector(".drop-full")];
  empty.hidden = Boolean(value);
  full.hidden = !value;
  if (!value) return;
  const sample = String(value).startsWith("sample:");
  const source = `api/files/${encodeURIComponent(value)}`;
  set(full.querySelector("img"), "src", source);
  say(full.querySelector(".drop-name"), sample ? String(value).slice(7) : String(value).replace(/^[0-9a-f]{12}-/, ""));
  if (node.dataset.shown !== value || sample) say(full.querySelector(".drop-facts"), t(sample ? "brief.file.sample" : "brief.file.kept"));
  node.dataset.shown = value;
}

function drop(node) {
  const path = node.dataset.path;
  const input = node.querySelector("input");
  const send = async (file) => {
    if (!file) return;
    if (!["image/png", "image/jpeg", "image/webp"].includes(file.type)) return blame(path, t("file.wrongKind"));
    if (file.size > 20e6) return blame(path, t("file.tooBig"));
    node.classList.add("sending");
    try {
      const answer = await fetch(`api/files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, headers: { "content-type": file.type } });
      const data = await answer.json();
      if (!answer.ok) return blame(path, words(data.error.message));
      put(path, data.name);
      picture(node, data.name);
      say(node.querySelector(".drop-facts"), `${data.width} × ${data.height} · ${size(data.bytes)}`);
    } catch (error) {
      toast(t("toast.failed", { reason: error.message }), "bad");
    } finally {
      node.classList.remove("sending");
      input.value = "";
    }
  };
  input.addEventListener("change", () => send(input.files[0]));
  node.addEventListener("dragover", (event) => (event.preventDefault(), node.classList.add("over")));
  node.addEventListener("dragleave", () => node.classList.remove("over"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    node.classList.remove("over");
    send(event.dataTransfer.files[0]);
  });
  node.querySelector("[data-act=remove]").addEventListener("click", () => {
    put(path, "");
    picture(node, "");
  });
}

// -- drawing -------------------------------------------------------------------------------------------------------

function draw() {
  if (!form) return;
  const spoken = at("language");
  for (const node of form.querySelectorAll("[data-path]")) kinds[node.dataset.kind].write(node, at(node.dataset.path));
  for (const node of form.querySelectorAll("[data-for-language]")) node.hidden = Boolean(spoken) && node.dataset.forLanguage !== spoken;
  if (order) {
    kinds.many.write(order.querySelector("[data-path=only]"), desk.value.only?.length ? desk.value.only : PARTS);
    quietly(order.querySelector("#brief-seed"), desk.value.seed ?? "");
  }
  said();
}

/** The headings of folded groups say what is set inside. */
function said() {
  if (!form) return;
  const text = (path) => {
    const value = at(path);
    return Array.isArray(value) ? value.length : value;
  };
  const voice = form.querySelector("#brief-video-voice");
  const summaries = {
    "brand.colours": () => list(at("brand.colours")).slice(0, 6),
    "video.seconds": () => [
      t("brief.seconds.value", { n: text("video.seconds") ?? 15 }),
      text("video.aspect") ?? "9:16",
      voice.selectedOptions[0]?.value ? voice.selectedOptions[0].textContent.split(" · ")[0] : null,
      t(`music.${text("video.music") ?? "calm"}`),
    ].filter(Boolean).join(" · "),
    "label.position": () => t(`position.${text("label.position") ?? "bottom_right"}`),
  };
  for (const fold of form.querySelectorAll("details")) {
    const path = Object.keys(summaries).find((name) => fold.querySelector(`[data-path="${name}"]`));
    const what = summaries[path]();
    const place = fold.querySelector("[data-said]");
    if (Array.isArray(what)) place.replaceChildren(...what.map((colour) => h("i", { class: "dot", style: `--colour:${/^#[0-9a-fA-F]{6}$/.test(colour) ? colour : "#888"}` })));
    else say(place, what);
  }
}

function blame(path, message) {
  const place = form.querySelector(`[data-fault="${path}"]`);
  say(place, message);
  place.closest(".field").classList.add("bad");
}

/** Where a complaint is shown: its own field, or the nearest one above it that has a line. */
function placeOf(name) {
  let path = name.replace(/\[\d+\]/g, "").replace(/\.\d+(?=\.|$)/g, "");
  while (path) {
    const place = form.querySelector(`[data-fault="${path}"]`) ?? order?.querySelector(`[data-fault="${path}"]`);
    if (place) return place;
    path = path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : "";
  }
  return null;
}

function judge() {
  if (!form) return;
  const homeless = [];
  const lines = new Map();
  for (const problem of desk.verdict.problems ?? []) {
    if (!desk.tried && problem.empty && desk.view === "form") continue;
    const place = desk.view === "form" ? placeOf(problem.field) : null;
    const item = problem.field.match(/\[(\d+)\]/);
    const text = words(problem.message);
    if (!place) homeless.push(`${problem.field === "brief" ? "" : `${problem.field}: `}${text}`);
    else if (!lines.has(place)) lines.set(place, `${item ? t("brief.item", { n: Number(item[1]) + 1 }) : ""}${text}`);
  }
  for (const place of document.querySelectorAll("#brief [data-fault]")) {
    say(place, lines.get(place) ?? "");
    const box = place.closest(".field");
    box?.classList.toggle("bad", lines.has(place));
    const control = box?.querySelector(".input, [role=group], [role=radiogroup]");
    if (control) set(control, "aria-invalid", lines.has(place) || null);
  }
  const count = homeless.length + lines.size;
  const summary = foot?.querySelector("#brief-faults");
  if (!summary) return;
  const heading = t("brief.faults", { n: count });
  summary.replaceChildren(...(count ? [h("b", {}, heading), ...homeless.slice(0, 6).map((line) => h("span", {}, line))] : []));
}

function firstFault() {
  const bad = document.querySelector("#brief .field.bad");
  if (!bad) return;
  const fold = bad.closest("details");
  if (fold) fold.open = true;
  bad.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  bad.querySelector("input, textarea, button")?.focus({ preventScroll: true });
}

function show(view) {
  desk.view = view;
  document.body.dataset.brief = view;
  for (const button of document.querySelectorAll("[data-view]"))
    if (button.closest("#brief-view")) set(button, "aria-checked", button.dataset.view === view);
  clearTimeout(checkSoon);
  if (view === "form") draw();
  trigger(view === "yaml" ? "select" : "input");
  judge();
}

// -- mounts --------------------------------------------------------------------------------------------------------

export const mounts = {
  head(element) {
    element.querySelector("#brief-view").addEventListener("click", (event) => {
      const button = event.target.closest("[data-view]");
      if (button) show(button.dataset.view);
    });
    element.querySelector("#brief-clear").addEventListener("click", () => load({ recipe: "campaign", language: short() }));
    const shelf = element.querySelector("#brief-samples");
    const paint = () => shelf.replaceChildren(...(samples ?? []).map((sample) => {
      const card = h("button", { type: "button", class: "sample", "data-sample": sample.id },
        h("img", { src: sample.photo, alt: "", loading: "lazy" }),
        h("span", {}, h("b", { lang: sample.language === "zh" ? "zh-CN" : "en" }, sample.product), h("small", { lang: sample.language === "zh" ? "zh-CN" : "en" }, sample.brand)));
      card.addEventListener("click", () => load(sample.brief));
      return card;
    }));
    allSamples().then(paint);
  },
  form(element, given, fire, watch) {
    [form, props, trigger] = [element, given, fire];
    desk.value = structuredClone(given.value ?? desk.value);
    for (const node of element.querySelectorAll("[data-path]")) {
      const kind = kinds[node.dataset.kind];
      kind.bind(node, () => {
        put(node.dataset.path, kind.read(node));
        if (node.dataset.path === "language") draw();
      });
    }
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-suggest]");
      if (!button) return;
      put("tone", button.dataset.suggest);
      draw();
    });
    watch("value", () => {
      if (JSON.stringify(given.value) === JSON.stringify(desk.value)) return;
      desk.value = structuredClone(given.value);
      draw();
      document.dispatchEvent(new CustomEvent("studio:brief", { detail: desk.value }));
    });
    document.body.dataset.brief = "form";
    document.addEventListener("studio:language", () => {
      voiceNames();
      draw();
      judge();
    });
    voiceNames();
    draw();
    trigger("input");
  },
  order(element) {
    order = element;
    const chips = element.querySelector("[data-path=only]");
    kinds.many.bind(chips, () => {
      const on = kinds.many.read(chips);
      if (!on.length) blameOrder("only", t("brief.make.partial"));
      else blameOrder("only", "");
      change({ ...desk.value, only: on.length === PARTS.length ? [] : on });
    });
    const seed = element.querySelector("#brief-seed");
    seed.addEventListener("input", () => {
      seed.value = seed.value.replace(/\D/g, "");
      change({ ...desk.value, seed: seed.value === "" ? null : Number(seed.value) });
    });
    draw();
  },
  verdict(element, given, fire, watch) {
    watch("value", () => {
      if (given.value?.view && given.value.view !== desk.view) return;
      desk.verdict = given.value ?? { problems: [] };
      foot?.classList.remove("sending");
      if (desk.verdict.tried) desk.tried = true;
      judge();
      if (desk.verdict.job) {
        location.hash = `#/campaign/${desk.verdict.job}`;
        document.body.dataset.view = "results";
        scrollTo({ top: 0 });
        document.dispatchEvent(new CustomEvent("studio:jobs"));
      } else if (desk.verdict.tried) {
        document.body.dataset.view = "brief";
        if (desk.verdict.failure) toast(words(desk.verdict.failure), "bad");
        firstFault();
      }
    });
  },
  foot(element, given, fire) {
    foot = element;
    element.querySelector("#btn-make").addEventListener("click", () => {
      if (element.classList.contains("sending") || !kinds.many.read(order.querySelector("[data-path=only]")).length) return;
      desk.tried = true;
      clearTimeout(checkSoon);
      element.classList.add("sending");
      setTimeout(() => element.classList.remove("sending"), 15000);
      fire("submit");
    });
    const label = () => say(element.querySelector("[data-make]"), t(document.body.dataset.job ? "brief.make.again" : "brief.make"));
    for (const name of ["studio:language", "studio:route", "studio:shown"]) document.addEventListener(name, label);
    label();
  },
};

function blameOrder(path, message) {
  const place = order.querySelector(`[data-fault="${path}"]`);
  say(place, message);
  place.closest(".field").classList.toggle("bad", Boolean(message));
}

function voiceNames() {
  for (const option of form.querySelectorAll("option[data-zh]")) say(option, option.dataset[short()]);
}

let pending;
export function allSamples() {
  pending ??= call("api/recipes/campaign/samples").then((answer) => (samples = answer.samples));
  return pending;
}
