// A voice-over: its waveform, its sentences, and where it is.
//
// Design:
// - Peaks come with the job's view, so a waveform is there before any sound is fetched; without them the bars are even.
// - The bars are one SVG path twice: what was heard is drawn over what is to come with a moving clip.
// - A sentence is a button that jumps to its start; the one being spoken is marked.

import { clock, h, icon, say, set, sync, t, tag } from "./dom.js";
import { quiet } from "./results.js";

const BARS = 64;
let serial = 0;

function bars(peaks) {
  const step = Math.max(1, (peaks?.length ?? 0) / BARS);
  const given = peaks?.length ? Array.from({ length: Math.min(BARS, peaks.length) }, (_, n) => Math.max(...peaks.slice(Math.floor(n * step), Math.ceil((n + 1) * step)))) : Array(BARS).fill(0.25);
  const width = 480 / given.length;
  return given.map((peak, n) => {
    const half = Math.max(1.2, peak * 26);
    const x = ((n + 0.5) * width).toFixed(1);
    return `M${x} ${(28 - half).toFixed(1)}V${(28 + half).toFixed(1)}`;
  }).join("");
}

export function player(item) {
  const audio = h("audio", { preload: "metadata", src: item.url });
  const id = `heard-${(serial += 1)}`;
  const clip = document.createElementNS("http://www.w3.org/2000/svg", "clipPath");
  clip.id = id;
  const window_ = h("rect", { x: "0", y: "0", width: "0", height: "56" });
  clip.append(window_);
  const line = bars(item.peaks);
  const wave = h("svg", { class: "wave", viewBox: "0 0 480 56", preserveAspectRatio: "none", role: "slider", tabindex: "0", "aria-valuemin": "0" },
    clip, h("path", { d: line, class: "coming" }), h("path", { d: line, class: "heard", "clip-path": `url(#${id})` }));
  const button = h("button", { type: "button", class: "play" }, icon("play"));
  const time = h("span", { class: "time" });
  const rate = h("button", { type: "button", class: "quiet rate" }, "1×");
  const file = h("a", { class: "quiet save", download: "" }, "WAV");
  const sentences = h("ol", { class: "sentences" });
  const card = h("article", { class: "card voice" },
    h("header", {}, button, h("div", { class: "voice-words" }, h("b", { lang: tag(item.language) }, item.audience), h("small")), rate, file),
    wave, h("div", { class: "times" }, time, h("span", { class: "total" })), sentences, audio);

  const total = () => (Number.isFinite(audio.duration) ? audio.duration : item.seconds || 0);
  const tell = () => {
    const now = audio.currentTime;
    window_.setAttribute("width", total() ? (480 * now) / total() : 0);
    say(time, clock(now));
    set(wave, "aria-valuenow", now.toFixed(1));
    set(wave, "aria-valuetext", clock(now));
    for (const row of sentences.children) row.classList.toggle("now", !audio.paused && now >= Number(row.dataset.start) && now < Number(row.dataset.end));
  };
  const face = () => {
    button.firstChild.className = `icon icon-${audio.paused ? "play" : "pause"}`;
    set(button, "aria-label", `${t(audio.paused ? "voice.play" : "voice.pause")} · ${item.audience}`);
    card.classList.toggle("playing", !audio.paused);
  };
  const follow = () => {
    tell();
    if (!audio.paused) requestAnimationFrame(follow);
  };
  button.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
  audio.addEventListener("play", () => (quiet(audio), face(), follow()));
  for (const name of ["pause", "ended"]) audio.addEventListener(name, () => (face(), tell()));
  for (const name of ["loadedmetadata", "seeked"]) audio.addEventListener(name, () => (tell(), say(card.querySelector(".total"), clock(total()))));
  rate.addEventListener("click", () => {
    const rates = [1, 1.25, 1.5, 0.75];
    audio.playbackRate = rates[(rates.indexOf(audio.playbackRate) + 1) % rates.length];
    say(rate, `${audio.playbackRate}×`);
  });
  wave.addEventListener("pointerdown", (event) => {
    const move = (to) => {
      const frame = wave.getBoundingClientRect();
      audio.currentTime = Math.min(Math.max((to.clientX - frame.left) / frame.width, 0), 0.999) * total();
      tell();
    };
    move(event);
    wave.setPointerCapture(event.pointerId);
    wave.onpointermove = move;
    wave.onpointerup = () => (wave.onpointermove = null);
  });
  wave.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 2, ArrowLeft: -2 }[event.key];
    if (!step) return;
    event.preventDefault();
    audio.currentTime = Math.min(Math.max(audio.currentTime + step, 0), total());
  });

  card.update = (now) => {
    say(card.querySelector("small"), now.voice ?? "");
    say(card.querySelector(".total"), clock(total()));
    set(wave, "aria-label", now.audience);
    set(wave, "aria-valuemax", total().toFixed(1));
    set(rate, "aria-label", t("voice.rate"));
    set(file, "href", now.file);
    file.hidden = !now.file;
    sync(sentences, now.sentences ?? [], (sentence) => sentence.start, (sentence) => {
      const row = h("li", { "data-start": sentence.start, "data-end": sentence.end }, h("button", { type: "button" }, h("time", {}, clock(sentence.start)), h("span", { lang: tag(now.language) }, sentence.text)));
      row.firstChild.addEventListener("click", () => {
        audio.currentTime = sentence.start;
        audio.play();
      });
      return row;
    }, () => {});
    face();
    tell();
  };
  return card;
}
