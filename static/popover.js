/** Distance between a button and its panel. */
const gapPx = 6;

/** Puts every panel in `root` next to its `popovertarget` button: below where it fits, else above, never off the page. */
export function placePopovers(root) {
  for (const panel of root.querySelectorAll("[popover]")) {
    panel.addEventListener("toggle", ({ newState }) => {
      const button = document.querySelector(`[popovertarget="${panel.id}"]`);
      button?.setAttribute("aria-expanded", String(newState === "open"));
      if (newState === "open" && button) placePopover(panel, button);
    });
  }
}

export function placePopover(panel, button) {
  const anchor = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const isLeft = anchor.left + anchor.width / 2 < innerWidth / 2;
  const left = isLeft ? anchor.left : anchor.right - width;
  const below = anchor.bottom + gapPx;
  const top = below + height <= innerHeight - 8 ? below : anchor.top - gapPx - height;
  Object.assign(panel.style, {
    inset: "auto",
    left: `${Math.max(8, Math.min(innerWidth - width - 8, left))}px`,
    top: `${Math.max(8, top)}px`,
  });
}
