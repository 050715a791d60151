// What runs each task on this machine, and why.
//
// Design:
// - The answer is the doctor's; this page only lays it out. Asked once a visit: looking at hardware is not free.

import { call, h, icon, say, size, t, words } from "./dom.js";

let root, report;

function card(task) {
  const chosen = task.chosen;
  const badge = chosen ? h("span", { class: "state", "data-state": "done" }, t("models.used")) : h("span", { class: "state", "data-state": "failed" }, t("models.missing"));
  const rows = task.cards.filter((item) => !chosen || item.id !== chosen.id).map((item) =>
    h("li", { "data-ready": String(item.ready) }, h("b", {}, words(item.title)), h("code", {}, item.id), h("span", {}, item.ready ? t("models.ready") : words(item.reason) || t("models.missing"))));
  const facts = (item) => [item.licence, item.commercial === "no" ? t("models.noncommercial") : item.commercial === "conditional" ? t("models.conditional") : null, item.bytes ? size(item.bytes) : null].filter(Boolean).join(" · ");
  return h("article", { class: "card model" },
    h("header", {}, h("small", {}, t(`task.${task.task}`).startsWith("task.") ? task.task : t(`task.${task.task}`)), badge),
    h("h3", {}, chosen ? words(chosen.title) : t("models.none")),
    chosen ? h("p", {}, words(chosen.summary)) : null,
    chosen ? h("p", { class: "model-facts" }, facts(chosen)) : null,
    task.why ? h("p", { class: "why" }, words(task.why)) : null,
    task.command ? h("p", { class: "command" }, h("span", {}, t("models.pull")), h("code", {}, task.command)) : null,
    rows.length ? h("details", {}, h("summary", {}, `${t("models.other")} (${rows.length})`), h("ul", {}, ...rows)) : null);
}

function draw() {
  const body = root.querySelector("#models-body");
  if (!report) return say(body, t("models.loading"));
  const machine = report.machine;
  const facts = [t("models.cores", { n: machine.cores }), t("models.memory", { total: size(machine.memory_bytes), free: size(machine.free_bytes) }),
    t("models.budget", { n: size(machine.budget_bytes) }), machine.gpu ? t("models.gpu", { name: machine.gpu }) : t("models.gpu.none")];
  body.replaceChildren(h("div", { class: "machine" }, ...facts.map((fact) => h("span", {}, fact))), h("div", { class: "cards models" }, ...report.tasks.map(card)));
}

async function look() {
  if (document.body.dataset.page !== "models" || report) return;
  draw();
  try {
    report = await call("api/models");
    draw();
  } catch (error) {
    root.querySelector("#models-body").replaceChildren(h("div", { class: "nothing" }, icon("close"), h("b", {}, t("models.failed")), h("p", {}, error.message)));
  }
}

export const mounts = {
  models(element) {
    root = element;
    document.addEventListener("studio:route", look);
    document.addEventListener("studio:language", () => report && draw());
    look();
  },
};
