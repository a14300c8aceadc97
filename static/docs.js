import { getOpenApi } from "./api.js";
import { watchContents } from "./contents.js";
import { copyIconButton } from "./copy.js";
import { embedMeanings, liveSamples, viewMeanings, waitMeanings } from "./docs_live_samples.js";
import { commands, firstVideo, frameStates, sampleEvents, sampleFrameMap } from "./docs_samples.js";
import { element } from "./element.js";
import { showEngineChip } from "./engine_chip.js";
import { callsOf, settingsOf } from "./open_api.js";
import { problemCauses } from "./problem_causes.js";
import { stateWords } from "./measures.js";

const byId = (id) => document.getElementById(id);
const server = new URL(".", document.baseURI).href.replace(/\/$/, "");

showEngineChip();
showFirstVideo();
showEvents();
showFrameMap();
showWatching();
showProblems();
showCommands();
watchContents();
await showCalls();
// The anchors of the tables exist only now.
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();

function showFirstVideo() {
  const examples = firstVideo(server);
  let shown = "curl";
  const show = (name) => {
    shown = name;
    showCode(byId("first-code"), examples[name]);
    for (const button of byId("languages").children) {
      button.setAttribute("aria-pressed", String(button.textContent === name));
    }
  };
  byId("languages").replaceChildren(
    ...Object.keys(examples).map((name) =>
      element("button", { type: "button", text: name, onclick: () => show(name) })
    ),
  );
  byId("first-copy").append(copyIconButton("the example", () => commandsOf(examples[shown])));
  show(shown);
}

function showCode(node, lines) {
  node.replaceChildren(...lines.flatMap((line) => [...line.map(codePart), "\n"]));
}

function codePart([look, text]) {
  if (look === "strong") return element("b", { text });
  return look === "quiet" ? element("span", { class: "quiet", text }) : text;
}

/** The example without the server's answers, to be pasted and run. */
function commandsOf(lines) {
  const kept = lines.filter((line) => line.length === 0 || line.some(([look]) => look !== "quiet"));
  return kept.map((line) => line.map(([, text]) => text).join("")).join("\n").trim();
}

async function showCalls() {
  const openApi = await getOpenApi().catch(() => null);
  if (!openApi) {
    byId("call-rows").append(element("tr", {}, element("td", { colspan: 3, text: "The server cannot be reached." })));
    return;
  }
  byId("call-rows").append(
    ...callsOf(openApi).map(({ method, path, does }) =>
      row(element("code", { text: method }), element("code", { text: path }), prose(does))
    ),
  );
  byId("setting-rows").append(
    ...settingsOf(openApi).map(({ name, values, is }) => row(element("code", { text: name }), values, prose(is))),
  );
}

function showEvents() {
  byId("event-samples").append(...sampleEvents.flatMap(({ event, tells, data }, index) => [
    element("h3", { class: "sub mono", text: event }),
    element("p", {}, ...prose(tells)),
    element("pre", {
      class: "code",
      tabindex: 0,
      "aria-label": `Sample of ${event}`,
      text: eventText(index + 41, event, data),
    }),
  ]));
}

function eventText(id, event, data) {
  const json = data === null ? '{"id":"k3f9x2","state":"running", … }' : JSON.stringify(data);
  return `id: ${id}\nevent: ${event}\ndata: ${json}`;
}

function showFrameMap() {
  const frames = sampleFrameMap.at(-1).end;
  byId("map-drawing").append(...sampleFrameMap.map(({ start, end, state }) => {
    const bar = element("span", { class: "bar", "data-state": state }, element("i"));
    bar.firstElementChild.style.width = "40%";
    const part = element(
      "div",
      {},
      bar,
      element("span", { class: "figures", text: `${start} to ${end}` }),
      stateWords[state],
    );
    part.style.flexGrow = String((end - start) / frames);
    return part;
  }));
  byId("map-json").textContent = `[\n${sampleFrameMap.map((range) => `  ${JSON.stringify(range)}`).join(",\n")}\n]`;
  byId("state-rows").append(...frameStates.map(([state, promise]) => row(element("code", { text: state }), promise)));
}

function showWatching() {
  const samples = liveSamples(server);
  for (const node of document.querySelectorAll("[data-sample]")) {
    const lines = samples[node.dataset.sample];
    showCode(node, lines);
    node.after(copyIconButton(node.getAttribute("aria-label"), () => commandsOf(lines)));
  }
  const rows = (meanings) =>
    meanings.map(([name, ...rest]) => row(element("code", { text: name }), ...rest.map((text) => prose(text))));
  byId("view-rows").append(...rows(viewMeanings));
  byId("wait-rows").append(...rows(waitMeanings));
  byId("embed-rows").append(...rows(embedMeanings));
}

function showProblems() {
  byId("problem-rows").append(
    ...Object.entries(problemCauses).map(([kind, [status, cause]]) => {
      const tableRow = row(element("code", { text: kind }), String(status), prose(cause));
      tableRow.id = `problem-${kind}`;
      return tableRow;
    }),
  );
}

function showCommands() {
  byId("commands").append(...commands.flatMap(([command, does]) => [
    element("dt", {}, element("code", { text: command })),
    element("dd", { text: does }),
  ]));
}

/** Text with `code` in it. */
function prose(text) {
  return text.split("`").map((part, index) => index % 2 === 1 ? element("code", { text: part }) : part);
}

function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => element("td", {}, ...[cell].flat())));
}
