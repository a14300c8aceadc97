import { fileFacts, statusFor, titleOf } from "./words.js";

/** Tells of the end of a session whose page nobody looks at. */
export function notifyOfEnd(view) {
  const { title, body } = endInWords(view);
  new Notification(title, { body, icon: "favicon.svg" });
}

/** Title and text of the notification. */
export function endInWords(view) {
  const title = titleOf(view);
  const short = title.length > 60 ? `${title.slice(0, 59).trimEnd()}…` : title;
  return {
    title: view.state === "completed" ? "Your video is ready" : statusFor(view).bold,
    body: view.video ? `${short} ${fileFacts(view.video).split(",")[0]}` : short,
  };
}
