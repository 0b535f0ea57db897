// Runs before the first paint: the theme, and the viewer's zone for the server.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const chosen = root.dataset.theme || "auto";
    root.dataset.bsTheme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
    document.dispatchEvent(new Event("golive:theme"));
  };
  const keep = (name, value) => {
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax${secure}`;
  };
  show();
  dark.addEventListener("change", show);
  try {
    keep("golive_zone", Intl.DateTimeFormat().resolvedOptions().timeZone || "");
  } catch { /* an old browser shows UTC */ }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-toggle]");
    if (!button) return;
    const order = ["auto", "light", "dark"];
    root.dataset.theme = order[(order.indexOf(root.dataset.theme || "auto") + 1) % 3];
    keep("golive_theme", root.dataset.theme);
    const word = button.querySelector("[data-theme-word]");
    if (word) word.textContent = root.dataset.theme;
    show();
  });
})();
