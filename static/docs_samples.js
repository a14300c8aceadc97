/**
 * The hand-written part of the API page: first video, events, frame map. Pure: no DOM. Code is a list of lines, each
 * `[look, text]` parts: "strong" for what matters, "quiet" for answers, "" for the rest. The test of these samples
 * parses the events with the server's own schema.
 * @module
 */

const strong = (text) => ["strong", text];
const plain = (text) => ["", text];
const quiet = (text) => ["quiet", text];

/** First video in three calls, by language; `origin` is this server's address, with its base path and without a slash at the end. */
export function firstVideo(origin) {
  return { curl: curl(origin), JavaScript: javascript(origin), Python: python(origin) };
}

function curl(origin) {
  return [
    [quiet("# 1  start")],
    [plain("curl -i "), strong(`${origin}/api/sessions`), plain(" \\")],
    [plain('     -F image=@cat.png -F prompt="The cat jumps twice." -F durationSeconds=5')],
    [quiet("HTTP/1.1 202 Accepted")],
    [quiet("Location: /api/sessions/k3f9x2")],
    [],
    [quiet("# 2  follow")],
    [plain("curl -N "), strong(`${origin}/api/sessions/k3f9x2/events`)],
    [quiet("id: 41")],
    [quiet("event: progress")],
    [quiet(
      'data: {"progress":{"section":2,"of":4,"step":5,"steps":25,"phase":"sampling","percent":30},"timings":{…}}',
    )],
    [],
    [quiet("# 3  keep")],
    [plain("curl -o cat.mp4 "), strong(`${origin}/api/sessions/k3f9x2/video.mp4`)],
  ];
}

function javascript(origin) {
  return [
    [quiet("// 1  start")],
    [plain("const form = new FormData();")],
    [plain('form.set("image", file);')],
    [plain('form.set("prompt", "The cat jumps twice.");')],
    [
      plain("const started = await fetch("),
      strong(`"${origin}/api/sessions"`),
      plain(', { method: "POST", body: form });'),
    ],
    [plain("const { links } = await started.json();")],
    [],
    [quiet("// 2  follow")],
    [plain(`const events = new EventSource(new URL(`), strong("links.events"), plain(`, "${origin}"));`)],
    [plain('events.addEventListener("progress", ({ data }) => console.log(JSON.parse(data).progress.percent));')],
    [plain('events.addEventListener("state", ({ data }) => {')],
    [plain("  const { state } = JSON.parse(data);")],
    [plain('  if (state !== "queued" && state !== "running") events.close();')],
    [plain("});")],
    [],
    [quiet("// 3  keep, when the state is completed")],
    [plain("const file = await fetch(new URL("), strong("links.video"), plain(`, "${origin}"));`)],
  ];
}

function python(origin) {
  return [
    [quiet("# pip install requests")],
    [plain("import json, requests")],
    [],
    [quiet("# 1  start")],
    [plain("started = requests.post("), strong(`"${origin}/api/sessions"`), plain(",")],
    [plain('    files={"image": open("cat.png", "rb")}, data={"prompt": "The cat jumps twice."})')],
    [plain('links = started.json()["links"]')],
    [],
    [quiet("# 2  follow; the stream ends with the session")],
    [plain(`events = requests.get("${origin}" + `), strong('links["events"]'), plain(", stream=True)")],
    [plain("for line in events.iter_lines(decode_unicode=True):")],
    [plain('    if line.startswith("data: ") and "progress" in (data := json.loads(line[6:])):')],
    [plain('        print(data["progress"]["percent"], "%")')],
    [],
    [quiet("# 3  keep")],
    [plain(`file = requests.get("${origin}" + `), strong('links["video"]'), plain(")")],
    [plain('open("cat.mp4", "wb").write(file.content)')],
  ];
}

/** The frame map of a video of four sections, made end first, while its third section is being made. */
export const sampleFrameMap = [
  { start: 0, end: 40, state: "planned" },
  { start: 40, end: 76, state: "sampling" },
  { start: 76, end: 109, state: "provisional" },
  { start: 109, end: 145, state: "final" },
];

const sampleTimings = {
  startedAt: "2026-11-22T14:02:08.000Z",
  endedAt: null,
  elapsedSeconds: 8.1,
  remainingSeconds: 6.4,
  remainingIsGuess: false,
  firstFramesSeconds: 3.2,
  secondsPerStep: 0.12,
  secondsPerDecode: 0.6,
  realTimeFactor: 0.33,
  sections: [{ samplingSeconds: 2.9, decodingSeconds: 0.6 }, { samplingSeconds: 3, decodingSeconds: 0.6 }],
};

/** One event of each kind with what it tells; `data` null where it is the whole session. */
export const sampleEvents = [
  {
    event: "state",
    tells: "Another state, or the first: the whole session. The last event of a log is one.",
    data: null,
  },
  {
    event: "progress",
    tells: "After each step.",
    data: {
      progress: { section: 3, of: 4, step: 5, steps: 25, phase: "sampling", percent: 55 },
      timings: sampleTimings,
    },
  },
  { event: "frameMap", tells: "When frames have come or changed their state.", data: { frameMap: sampleFrameMap } },
  {
    event: "playout",
    tells:
      "What a live picture with these choices shows: the picture with this RTP timestamp (90 kHz) `start`, each 3000 later " +
      "`rate` frames more; at `end` it goes back to `start`, or stays. `shows` is `frames`, `preview` or `slate`.",
    data: {
      video: "k3f9x2",
      view: "arrival",
      wait: "loop",
      previews: "shown",
      rtpTimestamp: 1_284_300,
      shows: "frames",
      start: 76,
      end: 112,
      rate: 1,
      loop: true,
    },
  },
  {
    event: "problem",
    tells: "Why the session failed; the state follows.",
    data: {
      type: "/api/docs#problem-engine-lost",
      title: "The engine stopped",
      status: 500,
      detail: "The engine stopped in section 3; the next video starts a new one. The 2.3 s made so far are kept.",
    },
  },
];

/** What each state of the frame map promises. */
export const frameStates = [
  ["planned", "Not begun."],
  ["sampling", "In the section that is being made."],
  ["decoding", "Made, and being turned into pictures."],
  ["provisional", "Can be played. Is blended once with the section before it, and sent again."],
  ["final", "Can be played and never changes: equal to the file before it is encoded."],
];

/** The command line, each `[command, what it does]`. */
export const commands = [
  ["npx -y deno@2.9.6 task start", "The server with these pages. The first line it prints is its address."],
  [
    'npx -y deno@2.9.6 task generate --image cat.png --prompt "The cat jumps twice." --out cat.mp4',
    "The same without a server, with a progress bar. The same seed makes the same frames as the API.",
  ],
  [
    "--model … --seconds 5 --seed 31337 --steps … --schedule inverted|forward",
    "Options of generate; the rest as above in Settings.",
  ],
  ["npx -y deno@2.9.6 task parity DIR", "Compares every network and the sampler with stored reference outputs."],
];
