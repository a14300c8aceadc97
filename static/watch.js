import { copyOnClick } from "./copy.js";
import { Stage } from "./stage.js";
import { WatchPage } from "./watch_page.js";

const idleAfterMs = 3000;
const byId = (id) => document.getElementById(id);

const stage = new Stage(byId("stage"), { marks: "bare" });
const page = new WatchPage(decodeURIComponent(location.pathname.split("/").at(-1)), stage, loadTimeline);

copyOnClick(byId("copy-link"), byId("copy-link-text"), () => location.href);
letLeaveThePage();
listenForKeys();
hideBarsWhenIdle();

/** A finished video is played without one. */
async function loadTimeline(handlers) {
  const [{ createPlanTimeline }, { Timeline }] = await Promise.all([
    import("./plan_timeline.js"),
    import("./timeline.js"),
  ]);
  return new Timeline(createPlanTimeline(byId("timeline")), handlers);
}

/** Full screen and picture in picture, where the browser has them. */
function letLeaveThePage() {
  byId("full-screen").hidden = !document.fullscreenEnabled;
  byId("full-screen").addEventListener("click", toggleFullScreen);
  byId("in-picture").hidden = !document.pictureInPictureEnabled;
  byId("in-picture").addEventListener("click", async () => {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else if (stage.video.readyState > 0) await stage.video.requestPictureInPicture();
  });
}

async function toggleFullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}

function listenForKeys() {
  const acts = {
    " ": () => page.toggle(),
    k: () => page.toggle(),
    f: toggleFullScreen,
    ArrowLeft: ({ shiftKey }) => shiftKey ? page.stepSection(-1) : page.step(-1),
    ArrowRight: ({ shiftKey }) => shiftKey ? page.stepSection(1) : page.step(1),
    l: () => page.backToLive(),
    ...Object.fromEntries([1, 2, 3, 4].map((place) => [place, () => page.chooseViewAt(place - 1)])),
    Home: () => page.seek(0),
    End: () => page.seek(Infinity),
  };
  addEventListener("keydown", (event) => {
    const act = acts[event.key] ?? acts[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("video") || (event.key === " " && event.target.closest("button, a"))) return;
    event.preventDefault();
    act(event);
  });
}

function hideBarsWhenIdle() {
  let timer = 0;
  const wake = () => {
    clearTimeout(timer);
    document.body.classList.remove("idle");
    timer = setTimeout(() => document.body.classList.add("idle"), idleAfterMs);
  };
  for (const name of ["pointermove", "pointerdown", "keydown"]) addEventListener(name, wake);
}
