// A poster at full size, over the page.
//
// Design:
// - The browser's own <dialog>: it traps focus, closes with Escape and gives the focus back.
// - Left and right go through the posters that are shown on the page.

import { h, icon, say, set, t } from "./dom.js";

let box, list, place;

function build() {
  const image = h("img", { alt: "" });
  const title = h("b");
  const note = h("span");
  const links = h("div", { class: "links" });
  const turn = (step) => () => show(place + step);
  box = h("dialog", { id: "lightbox" },
    h("div", { class: "lightbox-stage" }, image),
    h("div", { class: "lightbox-bar" }, h("div", {}, title, note), links,
      h("button", { type: "button", class: "round", "data-turn": "previous", onclick: turn(-1) }, icon("left")),
      h("button", { type: "button", class: "round", "data-turn": "next", onclick: turn(1) }, icon("right")),
      h("button", { type: "button", class: "round", "data-turn": "close", onclick: () => box.close() }, icon("close"))));
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(place - 1);
    if (event.key === "ArrowRight") show(place + 1);
  });
  box.addEventListener("click", (event) => event.target.closest(".lightbox-bar, img") || box.close());
  document.body.append(box);
}

function show(at) {
  place = (at + list.length) % list.length;
  const item = list[place];
  const image = box.querySelector("img");
  set(image, "src", item.src);
  set(image, "alt", item.title);
  set(image, "width", item.width);
  set(image, "height", item.height);
  say(box.querySelector("b"), item.title);
  say(box.querySelector("b + span"), item.note);
  box.querySelector(".links").replaceChildren(...item.links.map(([name, href]) => h("a", { href, download: "", class: "button" }, name)));
  for (const button of box.querySelectorAll("[data-turn]")) {
    set(button, "aria-label", t(`posters.${button.dataset.turn}`));
    if (button.dataset.turn !== "close") button.hidden = list.length < 2;
  }
}

export function lightbox(items, at) {
  if (!box) build();
  list = items;
  show(at);
  box.showModal();
}
