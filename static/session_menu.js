import { copyText } from "./copy.js";
import { element, icon, setText } from "./element.js";
import { deleteQuestion } from "./list_words.js";
import { placePopover } from "./popover.js";
import { recipeText } from "./session_words.js";

/**
 * The menu of a finished session, and the question before it is deleted: the only dialog of the page.
 * @param root where menu and dialog are put
 * @param handlers `onOpen(id)` · `onUseAgain(view)` · `onDelete(id)`
 * @returns `(view, button)` opens the menu
 */
export function createSessionMenu(root, { onOpen, onUseAgain, onDelete }) {
  let view = null;
  const entry = (name, text, act) =>
    element(
      "button",
      {
        class: "menu-entry",
        type: "button",
        role: "menuitem",
        onclick: (event) => act(event.currentTarget),
      },
      icon(name),
      element("span", { text }),
    );
  const closing = (act) => (button) => {
    menu.hidePopover();
    act(button);
  };
  const download = element(
    "a",
    { class: "menu-entry", role: "menuitem", download: true },
    icon("download"),
    "Download",
  );
  const menu = element(
    "div",
    { class: "popover menu", popover: true, role: "menu", "aria-label": "Session" },
    entry("film", "Open", closing(() => onOpen(view.id))),
    entry("rotate-ccw", "Use these settings again", closing(() => onUseAgain(view))),
    download,
    entry("copy", "Copy recipe", async (button) => {
      await copyText(recipeText(view));
      setText(button.querySelector("span"), "Copied");
    }),
    entry("trash-2", "Delete", closing(() => dialog.showModal())),
  );
  const dialog = element(
    "dialog",
    { class: "question", "aria-labelledby": "delete-question" },
    element("p", { id: "delete-question", text: deleteQuestion }),
    element(
      "form",
      { method: "dialog", class: "question-buttons" },
      element("button", { class: "button", text: "Keep" }),
      element("button", { class: "button problem", text: "Delete", onclick: () => onDelete(view.id) }),
    ),
  );
  root.append(menu, dialog);
  menu.addEventListener("keydown", (event) => moveInMenu(event, menu));
  return (next, button) => {
    view = next;
    download.hidden = !view.video;
    download.href = view.links.video;
    setText(menu.children[3].querySelector("span"), "Copy recipe");
    menu.showPopover();
    placePopover(menu, button);
    menu.firstElementChild.focus();
  };
}

function moveInMenu(event, menu) {
  const entries = [...menu.children].filter(({ hidden }) => !hidden);
  const at = entries.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  entries.at(to % entries.length).focus();
}
