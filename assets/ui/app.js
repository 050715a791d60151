// The shell: language, theme, workspaces, and who mounts where.
//
// Design:
// - The address says where you are: #/campaign, #/campaign/<job>, #/history, #/models. Reload, bookmark and a second
//   tab all come back to the same work; the work itself runs elsewhere.
// - A module registers `mount` functions by name; a component of the page calls them once it is in the document.
// - Everything that shows words listens to `studio:language` and draws itself again.

import * as form from "./form.js";
import * as history from "./history.js";
import * as models from "./models.js";
import * as results from "./results.js";
import { call, h, language, say, set, t } from "./dom.js";

const PAGES = ["campaign", "history", "models"];
const mounts = { header, ...form.mounts, ...results.mounts, ...history.mounts, ...models.mounts };

export function mount(name, element, props, trigger, watch) {
  mounts[name](element, props, trigger, watch);
  translate(element);
}

export function translate(within = document) {
  for (const node of within.querySelectorAll("[data-t]")) say(node, t(node.dataset.t));
  for (const name of ["placeholder", "aria-label", "title"]) {
    const key = `t${name.replace(/(^|-)(\w)/g, (_, __, letter) => letter.toUpperCase())}`;
    for (const node of within.querySelectorAll(`[data-t-${name}]`)) set(node, name, t(node.dataset[key]));
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // storage switched off: the choice lasts for this visit
  }
}

function speak(code) {
  const root = document.documentElement;
  root.lang = root.dataset.lang = code;
  remember("studio.language", code);
  translate();
  document.title = t("app.name");
  document.dispatchEvent(new CustomEvent("studio:language"));
}

function route() {
  const [, page, id] = location.hash.split("/");
  const here = PAGES.includes(page) ? page : "campaign";
  document.body.dataset.page = here;
  for (const link of document.querySelectorAll("[data-page-link]"))
    set(link, "aria-current", link.dataset.pageLink === here ? "page" : null);
  if (id) document.body.dataset.view = "results";
  document.dispatchEvent(new CustomEvent("studio:route", { detail: { page: here, id: id || null } }));
}

function header(element) {
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-language], [data-theme-toggle], [data-show]");
    if (!button) return;
    if (button.dataset.language) speak(button.dataset.language);
    else if (button.dataset.show) document.body.dataset.view = button.dataset.show;
    else {
      const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      remember("studio.theme", theme);
      window.studio.dress(theme);
    }
    if (button.dataset.show) scrollTo({ top: 0 });
  });
  document.body.append(...element.querySelectorAll(".view-switch"));
  document.querySelector(".view-switch").addEventListener("click", (event) => {
    const button = event.target.closest("[data-show]");
    if (!button) return;
    document.body.dataset.view = button.dataset.show;
    scrollTo({ top: 0 });
  });
  watchJobs(element.querySelector("#hd-jobs"));
  document.title = t("app.name");
  addEventListener("hashchange", route);
  document.body.dataset.view ??= "brief";
  route();
}

async function watchJobs(pill) {
  let last = { running: [] };
  const draw = () => {
    const count = last.running.length;
    pill.classList.toggle("busy", count > 0);
    say(pill.querySelector("b"), count ? t("header.jobs.some", { n: count }) : t("header.jobs.none"));
    set(pill, "href", count ? `#/campaign/${last.running[0]}` : "#/history");
  };
  document.addEventListener("studio:language", draw);
  document.addEventListener("studio:jobs", look);
  let timer = 0;
  async function look() {
    clearTimeout(timer);
    try {
      if (!document.hidden) last = await call("api/jobs/running");
      document.body.classList.remove("lost");
    } catch {
      document.body.classList.add("lost");
    }
    draw();
    timer = setTimeout(look, 2500);
  }
  look();
}

document.addEventListener("studio:lost", () => document.body.classList.add("lost"));
export { h, language };
