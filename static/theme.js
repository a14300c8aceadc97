/**
 * Sets `data-theme` on `<html>`: the stored choice, else the system's. Works the buttons marked `data-theme-button`.
 * A plain script in the head, not a module: it must run before the first paint, so that nobody sees the wrong theme.
 */
{
  const key = "framecast.theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is switched off
    }
  };

  const show = (theme) => {
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-button]")) {
      button.setAttribute("aria-label", theme === "dark" ? "Use the light theme" : "Use the dark theme");
      button.querySelector("use")?.setAttribute("href", theme === "dark" ? "icons.svg#sun" : "icons.svg#moon");
    }
  };

  const apply = () => {
    const choice = stored();
    show(choice === "dark" || choice === "light" ? choice : system.matches ? "dark" : "light");
  };

  const toggle = () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(key, theme);
    } catch {
      // without storage the choice lasts until the page is left
    }
    show(theme);
  };

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    for (const button of document.querySelectorAll("[data-theme-button]")) button.addEventListener("click", toggle);
  });
}
