/**
 * Lets a link such as `#stage` mean a part of this page. Without this it would mean a part of the page that `<base>` names.
 * A plain script, not a module, so that the skip link works from the first moment on.
 */
addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  location.assign(new URL(link.hash, location.href));
});
