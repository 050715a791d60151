// Everything made so far, newest first.
//
// Design:
// - Read from the journal each time the page is opened and while something runs; the list itself keeps nothing.
// - Deleting takes two clicks on the same button, no dialog.

import { call, clock, h, icon, say, set, sync, t, tag, toast, when } from "./dom.js";
import { load } from "./form.js";

let root, list, timer, jobs = [], query = "";

async function look() {
  clearTimeout(timer);
  if (document.body.dataset.page !== "history") return;
  try {
    jobs = (await call("api/jobs")).jobs;
    draw();
  } catch {
    document.dispatchEvent(new CustomEvent("studio:lost"));
  }
  timer = setTimeout(look, jobs.some((job) => ["queued", "running"].includes(job.state)) ? 1500 : 6000);
}

async function act(name, job, button) {
  try {
    if (name === "duplicate") {
      const full = await call(`api/jobs/${job.id}`);
      load(full.brief, { seed: full.seed, only: full.only });
      location.hash = "#/campaign";
      toast(t("toast.loaded"));
    } else if (name === "retry") {
      await call(`api/jobs/${job.id}/retry`, { method: "POST" });
      location.hash = `#/campaign/${job.id}`;
    } else if (name === "cancel") {
      await call(`api/jobs/${job.id}/cancel`, { method: "POST" });
    } else if (!button.classList.contains("sure")) {
      button.classList.add("sure");
      say(button, t("history.delete.sure"));
      setTimeout(() => (button.classList.remove("sure"), draw()), 3000);
      return;
    } else {
      await call(`api/jobs/${job.id}`, { method: "DELETE" });
      toast(t("toast.deleted"));
    }
    document.dispatchEvent(new CustomEvent("studio:jobs"));
  } catch (error) {
    toast(t("toast.failed", { reason: error.message }), "bad");
  }
  look();
}

function row(job) {
  const actions = h("div", { class: "row-actions" });
  const node = h("li", { class: "job" },
    h("a", { class: "job-cover", href: `#/campaign/${job.id}`, tabindex: "-1", "aria-hidden": "true" }),
    h("a", { class: "job-words", href: `#/campaign/${job.id}` }, h("b"), h("small")),
    h("span", { class: "state" }), actions);
  node.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) act(button.dataset.act, jobs.find((item) => item.id === node.dataset.key), button);
  });
  return node;
}

function fill(node, job) {
  const cover = node.querySelector(".job-cover");
  if (job.cover) {
    const image = cover.querySelector("img") ?? cover.appendChild(h("img", { alt: "", loading: "lazy" }));
    set(image, "src", job.cover);
  } else if (!cover.firstChild) cover.append(icon("poster"));
  const title = node.querySelector("b");
  say(title, job.title || t("job.untitled"));
  set(title, "lang", tag(job.language));
  const took = job.finished && job.started ? t("job.elapsed", { time: clock(job.finished - job.started) }) : "";
  say(node.querySelector("small"), [t("job.version", { n: job.version }), when(job.created), t("job.seed", { n: job.seed }), took].filter(Boolean).join(" · "));
  const state = node.querySelector(".state");
  state.dataset.state = job.state;
  say(state, job.state === "running" ? `${t("state.running")} ${Math.round(job.fraction * 100)}%` : t(`state.${job.state}`));
  const active = ["queued", "running", "cancelling"].includes(job.state);
  const names = ["duplicate", active && "cancel", ["failed", "cancelled"].includes(job.state) && "retry", !active && "delete"].filter(Boolean);
  sync(node.querySelector(".row-actions"), names, (name) => name, (name) => h("button", { type: "button", class: "quiet", "data-act": name }), (button, name) => {
    if (!button.classList.contains("sure")) say(button, name === "cancel" ? t("job.cancel") : t(`history.${name}`));
  });
}

function draw() {
  const shown = jobs.filter((job) => job.title.toLowerCase().includes(query));
  root.querySelector(".search").hidden = jobs.length < 6;
  sync(list, shown, (job) => job.id, row, fill);
  let note = root.querySelector(".nothing");
  if (jobs.length) return note?.remove();
  if (!note) root.append((note = h("div", { class: "nothing" }, icon("poster"), h("b"), h("p"), h("a", { class: "button", href: "#/campaign" }))));
  say(note.querySelector("b"), t("history.empty"));
  say(note.querySelector("p"), t("history.empty.text"));
  say(note.querySelector("a"), t("nav.campaign"));
}

export const mounts = {
  history(element) {
    root = element.querySelector("#history-root");
    list = root.querySelector("ol");
    const search = root.querySelector(".search");
    search.addEventListener("input", () => {
      query = search.value.trim().toLowerCase();
      draw();
    });
    document.addEventListener("studio:route", look);
    document.addEventListener("studio:language", () => jobs.length && draw());
    look();
  },
};
