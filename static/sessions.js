import { element, setText } from "./element.js";
import { estimateWork } from "./plan.js";
import { createCell, createRow } from "./session_card.js";
import { createSessionMenu } from "./session_menu.js";

/** Finished sessions shown at first, and added whenever the end of the list comes into view. */
const pageLength = 24;

/**
 * The list of sessions: now, queue, finished.
 * @param root holds the words for an empty list
 * @param handlers `onOpen(id)` · `onLeave(id)` · `onUseAgain(view)` · `onDelete(id)`
 */
export function createSessions(root, handlers) {
  const now = createGroup("Now", "cards", (view) => createRow(view, handlers));
  const queue = createGroup("Queue", "cards", (view) => createRow(view, handlers));
  const openMenu = createSessionMenu(document.body, handlers);
  const finished = createGroup("Finished", "cells", (view) => createCell(view, { ...handlers, onMenu: openMenu }));
  const empty = root.firstElementChild;
  const end = element("div");
  root.prepend(now.node, queue.node, finished.node);
  root.append(end);
  let length = pageLength;
  let shown = null;

  function show() {
    const { sessions, openId, models } = shown;
    const of = (...states) => sessions.filter(({ state }) => states.includes(state));
    const waiting = of("queued").sort((a, b) => (a.queue?.place ?? 0) - (b.queue?.place ?? 0));
    const over = of("completed", "stopped", "failed").sort((a, b) => endedAt(b) - endedAt(a));
    now.update(of("running"), openId, "");
    queue.update(waiting, openId, String(waiting.length), (view) => workSeconds(view, models));
    finished.update(over.slice(0, length), openId, String(over.length));
    empty.hidden = over.length > 0;
  }

  new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting || !shown || length >= shown.sessions.length) return;
    length += pageLength;
    show();
  }).observe(end);

  return {
    /** `{ sessions, openId, models }` */
    update(next) {
      shown = next;
      show();
    },
  };
}

/** One heading with its items, kept by id: an item is made once and updated in place. */
function createGroup(name, kind, create) {
  const count = element("span", { class: "group-count figures" });
  const list = element("ul", { class: kind, "aria-label": name });
  const node = element(
    "div",
    { class: "group", hidden: true },
    element("h3", { class: "group-head" }, name, count),
    list,
  );
  const items = new Map();
  return {
    node,
    update(views, openId, countText, more = () => undefined) {
      node.hidden = views.length === 0;
      setText(count, countText);
      const ids = new Set(views.map(({ id }) => id));
      for (const [id, item] of items) {
        if (ids.has(id)) continue;
        item.node.remove();
        items.delete(id);
      }
      views.forEach((view, index) => {
        if (!items.has(view.id)) items.set(view.id, create(view));
        const item = items.get(view.id);
        item.update(view, more(view));
        item.node.classList.toggle("open", view.id === openId);
        item.node.querySelector("button").setAttribute("aria-current", String(view.id === openId));
        if (list.children[index] !== item.node) list.insertBefore(item.node, list.children[index] ?? null);
      });
    },
  };
}

function endedAt({ timings, createdAt }) {
  return new Date(timings.endedAt ?? createdAt).getTime();
}

/** Seconds a session takes by what was measured, or undefined. */
export function workSeconds({ settings, plan }, models) {
  const model = models.find(({ id }) => id === settings.model);
  return model && estimateWork(model, { ...settings, sections: plan.sections.length })?.totalSeconds;
}
