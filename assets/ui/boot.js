// Runs before anything is painted: sets language and theme, and gives components a way to find their behaviour.
//
// Design:
// - The choice of language and theme is kept in localStorage; without one, the browser's and the system's are used.
// - Gradio puts `dark` on <body> by itself; an observer keeps it in step with our own switch.
// - Gradio picks its few own words by navigator.language when it starts, so that is answered with the page's language.
// - `studio.mount` may be called by a component before the modules have loaded; it waits for them.
(() => {
  const root = document.documentElement;
  const stored = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage can be switched off; the page still works for this visit
    }
  };
  const query = new URLSearchParams(location.search);
  const languages = ["zh-CN", "en"];
  const wanted = query.get("lang") || stored("studio.language") || navigator.language || "en";
  const language = languages.includes(wanted) ? wanted : wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
  root.lang = language;
  root.dataset.lang = language;
  try {
    Object.defineProperty(navigator, "language", { get: () => root.dataset.lang, configurable: true });
  } catch {
    // a browser that forbids this shows Gradio's own few words in its own language
  }

  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => query.get("__theme") || stored("studio.theme") || (system.matches ? "dark" : "light");
  const dress = (name = theme()) => {
    root.dataset.theme = name;
    root.style.colorScheme = name;
    document.body?.classList.toggle("dark", name === "dark");
  };
  dress();
  system.addEventListener("change", () => stored("studio.theme") || dress());
  document.addEventListener("DOMContentLoaded", () => {
    dress();
    new MutationObserver(() => {
      const dark = root.dataset.theme === "dark";
      if (document.body.classList.contains("dark") !== dark) document.body.classList.toggle("dark", dark);
    }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });

  const source = document.currentScript.src;
  const modules = import(source.replace("boot.js", "app.js"));
  window.studio = {
    dress,
    mount: (...given) => modules.then((app) => app.mount(...given)),
  };
})();
