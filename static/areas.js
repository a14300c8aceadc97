const byId = (id) => document.getElementById(id);

/**
 * The parts of the page that are not all visible at once: tabs of the left column, the drawer that column becomes on a
 * narrow page, and the three areas of a phone.
 */
export function createAreas() {
  const { body } = document;
  const isNarrow = matchMedia("(max-width: 959px)");
  const tabs = [...document.querySelectorAll(".side-tabs [role=tab]")];
  const areas = [...document.querySelectorAll(".bottom-bar [role=tab]")];

  function showTab(name) {
    body.dataset.tab = name;
    select(tabs, (tab) => tab.dataset.tab === name);
  }

  function showArea(name) {
    body.dataset.area = name;
    select(areas, (tab) => tab.dataset.area === name);
  }

  const closeDrawer = () => body.dataset.drawer = "closed";
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      const isOpen = body.dataset.drawer === "open" && body.dataset.tab === tab.dataset.tab;
      showTab(tab.dataset.tab);
      body.dataset.drawer = isOpen ? "closed" : "open";
    });
  }
  for (const tab of areas) tab.addEventListener("click", () => showArea(tab.dataset.area));
  for (const list of [tabs, areas]) moveByArrows(list);
  byId("work").addEventListener("pointerdown", () => isNarrow.matches && closeDrawer());
  addEventListener("keydown", (event) => event.key === "Escape" && isNarrow.matches && closeDrawer());
  showTab("compose");
  showArea("new");

  return {
    showTab,
    /** A session is open: the phone goes to it, the drawer gets out of its way. */
    watch() {
      showArea("watch");
      closeDrawer();
    },
    compose() {
      showTab("compose");
      showArea("new");
      body.dataset.drawer = "open";
    },
    setSessionCount(count) {
      for (const node of document.querySelectorAll("[data-session-count]")) {
        node.hidden = count === 0;
        node.textContent = count;
      }
    },
  };
}

function select(tabs, isSelected) {
  for (const tab of tabs) {
    const selected = isSelected(tab);
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
  }
}

function moveByArrows(tabs) {
  for (const tab of tabs) {
    tab.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const next = tabs[(tabs.indexOf(tab) + way + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });
  }
}
