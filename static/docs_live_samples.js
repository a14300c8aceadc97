/**
 * The hand-written part of the API page about watching: samples of code, and what views, waits and options of the embed
 * mean. Pure: no DOM. Lines as in `docs_samples.js`.
 * @module
 */

const strong = (text) => ["strong", text];
const plain = (text) => ["", text];
const quiet = (text) => ["quiet", text];

/** Samples by name; `origin` is this server's address, with its base path and without a slash at the end. */
export function liveSamples(origin) {
  return {
    whep: whep(origin),
    channel: channel(origin),
    stream: stream(origin),
    parts: parts(origin),
    metrics: metrics(origin),
  };
}

function whep(origin) {
  return [
    [quiet("// 1  watch; the data channel has to be in the offer")],
    [plain("const peer = new RTCPeerConnection();")],
    [plain('peer.addTransceiver("video", { direction: "recvonly" });')],
    [plain("peer.ontrack = ({ track }) => video.srcObject = new MediaStream([track]);")],
    [plain("const events = peer.createDataChannel("), strong('"events"'), plain(");")],
    [plain("events.onmessage = ({ data }) => console.log(JSON.parse(data));")],
    [plain("await peer.setLocalDescription();")],
    [plain("const answer = await fetch("), strong(`"${origin}/api/channels/latest/whep?view=arrival"`), plain(", {")],
    [plain('  method: "POST",')],
    [plain('  headers: { "content-type": "application/sdp" },')],
    [plain("  body: peer.localDescription.sdp,")],
    [plain("});")],
    [plain('await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });')],
    [],
    [quiet('{"id":"41","event":"progress","data":{"progress":{"section":2,"of":4,"step":5, …}, …}}')],
    [quiet('{"event":"playout","data":{"video":"k3f9x2","shows":"preview","rtpTimestamp":1284300, …}}')],
    [],
    [quiet("// 2  see something else, on the same connection")],
    [plain('const viewer = new URL(answer.headers.get("location"), answer.url);')],
    [plain("await fetch("), strong("`${viewer}/view`"), plain(", {")],
    [plain('  method: "PUT",')],
    [plain('  headers: { "content-type": "application/json" },')],
    [plain('  body: JSON.stringify({ view: "growing", previews: "hidden" }),')],
    [plain("});")],
    [],
    [quiet("// 3  leave")],
    [plain('await fetch(viewer, { method: "DELETE" });')],
  ];
}

function channel(origin) {
  return [
    [quiet("# put a video on a channel")],
    [plain("curl "), strong(`${origin}/api/sessions`), plain(" -F channel=stage \\")],
    [plain('     -F image=@cat.png -F prompt="The cat jumps twice."')],
    [],
    [quiet("# what is on, and what comes next")],
    [plain("curl "), strong(`${origin}/api/channels/stage`)],
    [plain("curl -N "), strong(`${origin}/api/channels/stage/events`)],
  ];
}

function stream(origin) {
  return [
    [plain("ffplay -fflags nobuffer "), strong(`"${origin}/api/channels/stage/live.ts?view=growing"`)],
    [],
    [quiet("# keep what was on the air for a minute")],
    [plain("ffmpeg -t 60 -i "), strong(`"${origin}/api/channels/stage/live.ts"`), plain(" -c copy minute.ts")],
  ];
}

function parts(origin) {
  return [
    [quiet("# the section made first, while the others are being made")],
    [plain("curl -o section.mp4 "), strong(`${origin}/api/sessions/k3f9x2/sections/1.mp4`)],
    [],
    [quiet("# one frame, every pixel as it was made; .jpg also gives previews")],
    [plain("curl -o frame.png "), strong(`${origin}/api/sessions/k3f9x2/frames/120.png`)],
  ];
}

function metrics(origin) {
  return [[plain("curl "), strong(`${origin}/metrics`)]];
}

/** `[view, what it shows]` */
export const viewMeanings = [
  [
    "arrival",
    "The newest section at once, then again until the next one is there. Without `view`: of a video made end first.",
  ],
  ["growing", "Everything that exists so far, in a loop."],
  ["timeline", "The whole length. Where there is nothing yet, a preview or a slate with the progress."],
  [
    "edge",
    "Every frame in order, from the newest section on. Without `view`: of a video made start first.",
  ],
];

/** `[wait, what is seen until more is made]` */
export const waitMeanings = [
  ["hold", "The last frame stays. Without `wait`: of `edge`."],
  ["loop", "The newest part again. Without `wait`: of `arrival`."],
  ["ping-pong", "The newest part backwards, then forwards."],
  ["slow", "The newest part so slowly that it lasts about until the next one."],
];

/** Options of the pages to embed, each `[name, values, what it does]`, the default first. */
export const embedMeanings = [
  ["view, wait, previews", "as above", "What the picture shows."],
  [
    "scale",
    "sharp for videos up to 256 pixels, else smooth",
    "How a picture is enlarged: whole pixels or blended ones.",
  ],
  ["fit", "contain or cover", "The whole picture, or all of the window."],
  ["slate", "center, note or none", "Words while there is no picture: on a slate, in a corner, or not at all."],
  [
    "end",
    "loop, hold, slate or none",
    "After the end of the video. A channel without it plays the video once, then waits.",
  ],
  ["label", "none, prompt or text", "Words on the picture: those of the video, or up to 80 characters."],
  ["background", "transparent or a colour", "`101010`, a name, `rgb(…)` or `hsl(…)`."],
  ["muted", "1 or 0", "Videos have no sound yet; 0 plays it when they do."],
];
