// The works of one job, drawn from /api/jobs/<id> as they land.
//
// Design:
// - The server sends the whole view with an ETag; nothing changed costs one 304. Each part is kept in step by key, so
//   finished works are never blanked and a playing player is never touched.
// - Before the first job the place says what comes next and offers the samples.
// - A job is known by the address alone: closing the tab changes nothing, reopening goes on watching.

import { call, clock, copyText, h, icon, say, set, size, sync, t, tag, toast, when, words } from "./dom.js";
import { adopt, allSamples, load } from "./form.js";
import { lightbox } from "./lightbox.js";
import { player } from "./player.js";

const ACTIVE = new Set(["queued", "running", "cancelling"]);
let root, job, view, etag, timer, parts, received = 0, audience = "";

// -- watching ------------------------------------------------------------------------------------------------------

async function look() {
  clearTimeout(timer);
  if (!job) return;
  const asked = job;
  let wait = 700;
  try {
    if (!document.hidden || !view) {
      const answer = await fetch(`api/jobs/${asked}`, { headers: etag ? { "if-none-match": etag } : {} });
      if (asked !== job) return;
      document.body.classList.remove("lost");
      if (answer.status === 404) return missing();
      if (answer.status === 200) {
        etag = answer.headers.get("etag");
        view = await answer.json();
        if (asked !== job) return;
        received = performance.now();
        adopt(view);
        draw();
      }
    }
    if (view && !ACTIVE.has(view.state)) wait = 5000;
  } catch {
    document.dispatchEvent(new CustomEvent("studio:lost"));
    wait = 2000;
  }
  timer = setTimeout(look, wait);
}

function go({ page, id }) {
  if (page !== "campaign") return clearTimeout(timer);
  const next = id ?? job;
  if (id && id !== job) {
    [job, view, etag, parts, audience] = [next, null, null, null, ""];
    root.replaceChildren(skeleton());
  }
  if (!job) empty();
  look();
}

function missing() {
  [job, view, parts] = [null, null, null];
  history.replaceState(null, "", "#/campaign");
  empty();
}

// -- before the first job ------------------------------------------------------------------------------------------

function empty() {
  delete document.body.dataset.job;
  const steps = [1, 2, 3].map((n) => h("li", {}, icon(["copy", "poster", "voice"][n - 1]), h("div", {}, h("b", {}, t(`empty.step${n}`)), h("span", {}, t(`empty.step${n}.text`)))));
  const gallery = h("div", { class: "gallery" });
  root.replaceChildren(h("section", { class: "empty" },
    h("h2", { class: "display" }, t("empty.title")), h("p", { class: "lead" }, t("empty.text")),
    h("ol", { class: "promise" }, ...steps), h("h3", {}, t("empty.sample")), gallery));
  allSamples().then((samples) => gallery.replaceChildren(...samples.map((sample) => {
    const lang = tag(sample.language);
    const [first, second] = sample.colours;
    return h("button", { type: "button", class: "gallery-card", style: `--first:${first ?? "#222"};--second:${second ?? "#b93a16"}`, onclick: () => load(sample.brief) },
      h("span", { class: "gallery-picture" }, h("img", { src: sample.photo, alt: "", loading: "lazy" })),
      h("span", { class: "gallery-words", lang }, h("small", {}, sample.brand), h("b", {}, sample.product), h("span", {}, sample.facts.slice(0, 2).join(" · "))),
      h("span", { class: "gallery-use" }, t("empty.use")));
  })));
}

function skeleton() {
  const card = () => h("div", { class: "card bone" });
  return h("section", { class: "bones" }, h("div", { class: "bone bone-title" }), card(), h("div", { class: "cards" }, card(), card(), card()));
}

// -- the frame -----------------------------------------------------------------------------------------------------

function section(name) {
  const count = h("span", { class: "count" });
  const tools = h("div", { class: "tools" });
  const body = h("div", { class: `body-${name}` });
  const node = h("section", { class: "part", id: name === "copy" ? "copy-cards" : name, hidden: true },
    h("div", { class: "part-head" }, h("h2", {}, h("span", { "data-t": `part.${name}` }, t(`part.${name}`)), count), tools), body);
  return { node, count, tools, body };
}

function frame() {
  const title = h("h1", { class: "display" });
  const facts = h("p", { class: "facts" });
  const actions = h("div", { class: "actions" });
  const progress = h("div", { class: "card progress", id: "progress" });
  const note = h("b", { class: "note" });
  const left = h("span", { class: "left" });
  const cancel = h("button", { type: "button", class: "quiet", id: "btn-cancel", onclick: stop });
  const stages = h("ol", { class: "stages" });
  const trouble = h("div", { class: "trouble", hidden: true });
  progress.append(h("div", { class: "progress-head" }, h("div", { class: "progress-words", "aria-live": "polite" }, h("i", { class: "lamp" }), note), left, cancel), stages, trouble);
  const sections = Object.fromEntries(["copy", "posters", "voice", "video"].map((name) => [name, section(name)]));
  const all = h("button", { type: "button", class: "link", id: "btn-copy-all", onclick: () => copyText(view.copies.map(plain).join("\n\n———\n\n")) });
  sections.copy.tools.append(all);
  const media = h("div", { class: "media" }, sections.voice.node, sections.video.node);
  const files = h("details", { class: "card files", id: "kit-files", hidden: true });
  root.replaceChildren(h("header", { class: "job-head" }, h("div", {}, title, facts), actions), progress,
    ...["copy", "posters"].map((name) => sections[name].node),
    media, files);
  parts = { title, facts, actions, progress, note, left, cancel, stages, trouble, sections, all, media, files };
}

async function stop() {
  set(parts.cancel, "disabled", true);
  say(parts.cancel, t("job.cancelling"));
  try {
    await call(`api/jobs/${job}/cancel`, { method: "POST" });
  } catch (error) {
    toast(t("toast.failed", { reason: error.message }), "bad");
  }
  look();
}

async function again() {
  try {
    await call(`api/jobs/${job}/retry`, { method: "POST" });
    document.dispatchEvent(new CustomEvent("studio:jobs"));
  } catch (error) {
    toast(t("toast.failed", { reason: error.message }), "bad");
  }
  look();
}

function draw() {
  if (!parts) frame();
  document.body.dataset.job = job;
  document.dispatchEvent(new CustomEvent("studio:shown"));
  head();
  progress();
  copies();
  posters();
  voices();
  videos();
  files();
}

function head() {
  const lang = tag(view.language);
  say(parts.title, view.title || t("job.untitled"));
  set(parts.title, "lang", lang);
  say(parts.facts, [t("job.version", { n: view.version }), when(view.created), t("job.seed", { n: view.seed })].join(" · "));
  const ready = view.kit.ready;
  const active = ACTIVE.has(view.state);
  const wanted = [
    view.versions.length > 1 && "versions",
    "again",
    !active && view.state !== "done" && "retry",
    ready && "page",
    ready && "download",
  ].filter(Boolean);
  sync(parts.actions, wanted, (name) => name, (name) => action(name), (node, name) => {
    if (name === "versions") versions(node);
    else say(node.querySelector(".say"), t({ again: "job.again", retry: "job.retry", page: "job.page", download: "job.download" }[name]));
    if (name === "page") set(node, "href", view.kit.page);
    if (name === "download") set(node, "href", view.kit.zip);
  });
}

function action(name) {
  const label = h("span", { class: "say" });
  if (name === "versions") return h("details", { class: "menu", id: "btn-versions" }, h("summary", { class: "button" }, label), h("div", { class: "menu-list" }));
  if (name === "again") return h("button", { type: "button", class: "button", id: "btn-again", onclick: () => (load(view.brief, { seed: view.seed, only: view.only }), toast(t("toast.loaded"))) }, label);
  if (name === "retry") return h("button", { type: "button", class: "button", id: "btn-retry", onclick: again }, label);
  if (name === "page") return h("a", { class: "button", id: "btn-page", target: "_blank", rel: "noopener" }, label);
  return h("a", { class: "button solid", id: "btn-download", download: "" }, icon("download"), label);
}

function versions(node) {
  say(node.querySelector(".say"), t("job.versions"));
  sync(node.querySelector(".menu-list"), view.versions, (item) => item.id,
    (item) => h("a", { href: `#/campaign/${item.id}`, onclick: () => node.removeAttribute("open") }, h("b"), h("span")),
    (link, item) => {
      say(link.querySelector("b"), t("job.version", { n: item.version }));
      say(link.querySelector("span"), `${when(item.created)} · ${t(`state.${item.state}`)}`);
      set(link, "aria-current", item.id === job ? "true" : null);
    });
}

// -- progress ------------------------------------------------------------------------------------------------------

function progress() {
  const active = ACTIVE.has(view.state);
  parts.progress.dataset.state = view.state;
  const closing = { done: "done.note", failed: "failed.note", cancelled: "cancelled.note", queued: "job.queued.note" }[view.state];
  say(parts.note, closing ? t(closing) : words(view.progress.note) || t("job.preparing"));
  tick();
  parts.cancel.hidden = !active;
  if (active && view.state !== "cancelling") {
    set(parts.cancel, "disabled", null);
    say(parts.cancel, t("job.cancel"));
  }
  sync(parts.stages, view.progress.stages, (stage) => stage.id,
    () => h("li", {}, h("i", { class: "bar" }, h("i")), h("span", { class: "stage-name" }), h("span", { class: "stage-time" })),
    (node, stage) => {
      node.dataset.state = stage.state;
      node.querySelector(".bar > i").style.width = `${Math.round(stage.fraction * 1000) / 10}%`;
      say(node.querySelector(".stage-name"), t(`stage.${stage.id}`) === `stage.${stage.id}` ? stage.id : t(`stage.${stage.id}`));
      say(node.querySelector(".stage-time"), stage.state === "done" || stage.state === "running" ? clock(stage.seconds) : "");
    });
  const error = view.error;
  parts.trouble.hidden = !error;
  if (error) parts.trouble.replaceChildren(h("b", {}, words(error.message)), error.hint ? h("span", {}, words(error.hint)) : "");
}

/** Time left counts down between two answers of the server. */
function tick() {
  if (!view || !parts) return;
  const { seconds_left: left } = view.progress;
  let line = "";
  if (ACTIVE.has(view.state)) {
    if (left !== null && left !== undefined) line = t("job.left", { time: clock(Math.max(1, left - (performance.now() - received) / 1000)) });
  } else {
    const time = view.finished && view.started ? t("job.elapsed", { time: clock(view.finished - view.started) }) : "";
    const reused = view.steps.cached ? t("job.reused", { reused: view.steps.cached, made: view.steps.run }) : "";
    line = [reused, time].filter(Boolean).join(" · ");
  }
  say(parts.left, line);
}
setInterval(() => view && ACTIVE.has(view.state) && tick(), 1000);

// -- copy ----------------------------------------------------------------------------------------------------------

const hash = (word) => (word.startsWith("#") ? word : `#${word}`);
const plain = (copy) => [copy.headline, copy.subhead, copy.body, copy.hashtags.map(hash).join(" ")].filter(Boolean).join("\n");

function copies() {
  const { node, count, body } = parts.sections.copy;
  node.hidden = !view.copies.length;
  say(node.querySelector("h2 > span"), t("part.copy"));
  say(count, t("copy.count", { n: view.copies.length }));
  say(parts.all, t("copy.all"));
  parts.all.hidden = !view.copies.some((copy) => copy.headline);
  body.classList.add("cards");
  body.classList.toggle("alone", view.copies.length === 1);
  sync(body, view.copies, (copy) => copy.key, copyCard, fillCopy);
}

function copyCard() {
  const card = h("article", { class: "card copy" },
    h("header", {}, h("b", { class: "audience" }), h("span", { class: "code" }), h("span", { class: "badge" })),
    h("h3"), h("p", { class: "subhead" }), h("p", { class: "text" }), h("p", { class: "hashtags" }),
    h("ul", { class: "flags", hidden: true }),
    h("details", { class: "script" }, h("summary"), h("ol")),
    h("footer", {}, h("button", { type: "button", class: "quiet copy-one" }), h("div", { class: "limits" })));
  card.querySelector(".copy-one").addEventListener("click", () => copyText(plain(view.copies.find((copy) => copy.key === card.dataset.key))));
  return card;
}

const BADGES = { ok: "copy.ok", needs_review: "copy.review", writing: "copy.writing", waiting: "copy.waiting" };

function fillCopy(card, copy) {
  const lang = tag(copy.language);
  say(card.querySelector(".audience"), copy.audience);
  set(card.querySelector(".audience"), "lang", lang);
  say(card.querySelector(".code"), copy.language.toUpperCase());
  const stuck = !ACTIVE.has(view.state) && (copy.state === "writing" || copy.state === "waiting");
  card.dataset.state = stuck ? "none" : copy.state;
  say(card.querySelector(".badge"), stuck ? t("works.none") : t(BADGES[copy.state]));
  for (const [place, text] of [["h3", copy.headline], [".subhead", copy.subhead], [".text", copy.body], [".hashtags", copy.hashtags]]) {
    const node = card.querySelector(place);
    if (Array.isArray(text)) sync(node, text.map(hash), (word) => word, (word) => h("span", {}, word), () => {});
    else say(node, text);
    set(node, "lang", lang);
    node.classList.toggle("bone-line", !text?.length && !stuck && (copy.state === "waiting" || copy.state === "writing"));
    node.classList.toggle("writing", !stuck && copy.state === "writing" && copy.writing && { headline: "h3", subhead: ".subhead", body: ".text", hashtags: ".hashtags" }[copy.writing] === place);
  }
  const flags = card.querySelector(".flags");
  flags.hidden = !copy.flags.length;
  sync(flags, copy.flags, (flag) => `${flag.field}-${words({ en: flag.reason.en, zh: flag.reason.en })}`, () => h("li", {}, h("b"), h("span")), (node, flag) => {
    const name = flag.field.split(/[.[]/)[0];
    say(node.querySelector("b"), t(`copy.field.${name}`).startsWith("copy.") ? flag.field : t(`copy.field.${name}`));
    say(node.querySelector("span"), words(flag.reason));
  });
  const script = card.querySelector(".script");
  script.hidden = !copy.script.length;
  say(script.querySelector("summary"), t("copy.script"));
  sync(script.querySelector("ol"), copy.script.map((line, n) => ({ line, n })), (item) => item.n, () => h("li", { lang }), (node, item) => say(node, item.line));
  const button = card.querySelector(".copy-one");
  say(button, t("copy.copy"));
  button.disabled = !copy.headline;
  sync(card.querySelector(".limits"), copy.counts, (item) => item.channel, () => h("span"), (node, item) => {
    say(node, `${words(item.title)} ${item.used} / ${item.limit}`);
    node.classList.toggle("over", item.used > item.limit);
    set(node, "title", t("copy.limits"));
  });
}

// -- posters -------------------------------------------------------------------------------------------------------

function posters() {
  const { node, count, tools, body } = parts.sections.posters;
  node.hidden = !view.posters.length;
  if (node.hidden) return;
  say(node.querySelector("h2 > span"), t("part.posters"));
  say(count, t("posters.count", { done: view.posters.filter((item) => item.png).length, total: view.posters.length }));
  const names = [...new Set(view.posters.map((item) => item.audience))];
  const filters = names.length > 1 ? ["", ...names] : [];
  sync(tools, filters, (name) => `f-${name}`, (name) => h("button", { type: "button", class: "filter", onclick: () => ((audience = name), posters()) }),
    (button, name) => {
      say(button, name || t("posters.all"));
      set(button, "aria-pressed", String(audience === name));
    });
  const shown = view.posters.filter((item) => !audience || item.audience === audience);
  body.classList.toggle("few", shown.length <= 3);
  sync(body, shown, (item) => item.key, posterCard, fillPoster);
}

function posterCard(item) {
  const card = h("figure", { class: "poster" },
    h("button", { type: "button", class: "frame", style: `aspect-ratio:${item.width}/${item.height}` }),
    h("figcaption", {}, h("span", { class: "poster-words" }, h("b"), h("small")), h("span", { class: "poster-files" })));
  card.style.setProperty("--ratio", item.width / item.height);
  card.querySelector(".frame").addEventListener("click", () => {
    const ready = view.posters.filter((poster) => poster.png && (!audience || poster.audience === audience));
    const at = ready.findIndex((poster) => poster.key === card.dataset.key);
    if (at >= 0) lightbox(ready.map((poster) => ({
      src: poster.png, width: poster.width, height: poster.height,
      title: `${words(poster.title)} · ${poster.audience}`, note: `${poster.width} × ${poster.height}${poster.template ? ` · ${t("posters.template", { name: poster.template })}` : ""}`,
      links: links(poster),
    })), at);
  });
  return card;
}

const links = (poster) => [["PNG", poster.png_file], ["PDF", poster.pdf], ["SVG", poster.svg]].filter(([, href]) => href);

function fillPoster(card, item) {
  const frame = card.querySelector(".frame");
  frame.disabled = !item.png;
  card.dataset.state = item.png ? "done" : ACTIVE.has(view.state) ? item.state : "none";
  if (item.png) {
    const image = frame.querySelector("img") ?? frame.appendChild(h("img", { alt: "", loading: "lazy", decoding: "async" }));
    set(image, "src", item.thumb ?? item.png);
    set(image, "alt", `${words(item.title)} · ${item.audience}`);
    set(frame, "aria-label", `${t("posters.open")}: ${words(item.title)} · ${item.audience}`);
    frame.querySelector(".wait")?.remove();
  } else {
    const wait = frame.querySelector(".wait") ?? frame.appendChild(h("span", { class: "wait" }));
    say(wait, ACTIVE.has(view.state) ? t("posters.waiting") : t("works.none"));
  }
  say(card.querySelector("figcaption b"), words(item.title));
  say(card.querySelector("figcaption small"), `${item.audience} · ${item.width}×${item.height}`);
  sync(card.querySelector(".poster-files"), links(item), ([name]) => name, ([name]) => h("a", { download: "" }, name), (link, [, href]) => set(link, "href", href));
}

// -- voice and video -----------------------------------------------------------------------------------------------

function voices() {
  parts.media.dataset.count = Math.max(view.voices.length, view.videos.length);
  const { node, count, body } = parts.sections.voice;
  node.hidden = !view.voices.length;
  if (node.hidden) return;
  say(node.querySelector("h2 > span"), t("part.voice"));
  say(count, t("voice.count", { done: view.voices.filter((item) => item.url).length, total: view.voices.length }));
  sync(body, view.voices, (item) => `${item.key}-${item.url ?? ""}`, (item) => (item.url ? player(item) : waiting("voice", item)), (card, item) => card.update?.(item));
}

function waiting(kind, item) {
  const card = h("div", { class: `card waiting waiting-${kind}` }, h("b", { lang: tag(view.language) }, item.audience), h("span", { "data-wait": kind }));
  if (kind === "video") card.style.setProperty("--ratio", `${item.width} / ${item.height}`);
  card.update = (now) => {
    say(card.querySelector("span"), ACTIVE.has(view.state) ? t(`${kind}.waiting`) : t("works.none"));
    card.classList.toggle("making", now.state === "making" && ACTIVE.has(view.state));
  };
  return card;
}

function videos() {
  const { node, count, body } = parts.sections.video;
  node.hidden = !view.videos.length;
  if (node.hidden) return;
  say(node.querySelector("h2 > span"), t("part.video"));
  say(count, t("video.count", { done: view.videos.filter((item) => item.url).length, total: view.videos.length }));
  const [{ width, height }] = view.videos;
  body.dataset.shape = parts.media.dataset.shape = width > height ? "wide" : width === height ? "square" : "tall";
  sync(body, view.videos, (item) => `${item.key}-${item.url ?? ""}`, (item) => (item.url ? film(item) : waiting("video", item)), (card, item) => card.update?.(item));
}

function film(item) {
  const video = h("video", { controls: true, preload: "metadata", playsinline: "", width: item.width, height: item.height, poster: item.cover, src: item.url, style: `aspect-ratio:${item.width}/${item.height}` });
  if (item.captions) video.append(h("track", { kind: "captions", src: item.captions, srclang: tag(item.language), label: item.language === "zh" ? "中文" : "English" }));
  const caption = h("figcaption", {}, h("span", { class: "poster-words" }, h("b", { lang: tag(item.language) }, item.audience), h("small")), h("span", { class: "poster-files" }));
  const card = h("figure", { class: "film" }, video, caption);
  video.addEventListener("play", () => quiet(video));
  card.update = (now) => {
    say(caption.querySelector("small"), `${now.width}×${now.height} · ${clock(now.seconds)}`);
    sync(caption.querySelector(".poster-files"), [["MP4", now.file], ["SRT", now.srt]].filter(([, href]) => href), ([name]) => name, ([name]) => h("a", { download: "" }, name), (link, [, href]) => set(link, "href", href));
  };
  return card;
}

/** One sound at a time. */
export function quiet(except) {
  for (const media of document.querySelectorAll("audio, video")) if (media !== except) media.pause();
}

// -- the kit -------------------------------------------------------------------------------------------------------

function files() {
  const node = parts.files;
  node.hidden = !view.kit.ready;
  if (node.hidden) return;
  if (!node.firstChild) node.append(h("summary", {}, h("b"), h("span")), h("ul"));
  say(node.querySelector("b"), t("section.files"));
  say(node.querySelector("summary span"), t("files.count", { n: view.kit.files.length, size: size(view.kit.bytes) }));
  sync(node.querySelector("ul"), view.kit.files, (file) => file.path, (file) => h("li", {}, h("a", { href: file.url, download: "" }, file.path), h("code"), h("span")),
    (row, file) => {
      say(row.querySelector("span"), size(file.bytes));
      say(row.querySelector("code"), file.sha256 ? file.sha256.slice(0, 12) : "");
    });
}

// -- mount ---------------------------------------------------------------------------------------------------------

export const mounts = {
  results(element) {
    root = element.querySelector("#results-root");
    document.addEventListener("studio:route", (event) => go(event.detail));
    document.addEventListener("studio:language", () => {
      if (view) draw();
      else if (!job) empty();
    });
    document.addEventListener("visibilitychange", () => document.hidden || look());
    document.addEventListener("click", (event) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.removeAttribute("open");
    });
    const [, page, id] = location.hash.split("/");
    go({ page: page || "campaign", id: id || null });
  },
};
