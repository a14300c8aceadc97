/** The address of the OBS page, and those that the OBS help page writes. */
import assert from "node:assert/strict";
import { channelName } from "../src/routes/request.ts";
import {
  embedOptions,
  labelLengthMax,
  readEmbedAddress,
  readEmbedOptions,
  writeEmbedOptions,
} from "../static/embed_options.js";
import { addressesOf, isChannelName, playCommands } from "../static/obs_addresses.js";

const nothingChosen = {
  view: undefined,
  wait: undefined,
  previews: undefined,
  scale: undefined,
  slate: "center",
  end: undefined,
  fit: "contain",
  sound: "off",
  label: null,
  background: null,
};

Deno.test("readEmbedOptions() ignores what it does not know", () => {
  assert.deepEqual(readEmbedOptions(""), nothingChosen);
  const unknown =
    "?view=best&wait=&previews=1&scale=2&slate=off&end=stop&fit=x&muted=yes&background=url(x)&more=1&view";
  assert.deepEqual(readEmbedOptions(unknown), nothingChosen);
});

Deno.test("readEmbedOptions() reads each value of each option back", () => {
  for (const [name, values] of Object.entries(embedOptions)) {
    for (const value of values) {
      const url = writeEmbedOptions("http://house:8000/embed/latest", { [name]: value });
      const options: Record<string, unknown> = readEmbedOptions(new URL(url).search);
      if (name === "muted") assert.equal(options.sound, value === "1" ? "off" : "on");
      else assert.equal(options[name], value);
    }
  }
});

Deno.test("readEmbedOptions() gives nothing but known values, whatever an address says", () => {
  const pieces = [
    "view",
    "=",
    "&",
    "?",
    "%",
    "%E4",
    "edge",
    "label",
    "background",
    "#",
    "fff",
    ";",
    "red",
    "\u{1F600}",
    "<b>",
    "\n",
    "muted",
    "0",
    "rgb(1,2,3)",
  ];
  let state = 1;
  const next = () => (state = state * 1103515245 + 12345 & 0x7fffffff) >> 8;
  for (let round = 0; round < 3000; round++) {
    const search = Array.from({ length: next() % 12 }, () => pieces[next() % pieces.length]).join("");
    const { label, background, sound, ...chosen } = readEmbedOptions(search);
    for (const [name, value] of Object.entries(chosen)) {
      const known = (embedOptions as Record<string, string[]>)[name]!;
      assert.ok(value === undefined || known.includes(value as string), `${search}: ${name}=${value}`);
    }
    assert.ok(sound === "on" || sound === "off");
    assert.ok(label === null || ([...label].length <= labelLengthMax && !/[\n\r]/.test(label) && label !== ""));
    assert.ok(
      background === null || /^(#[\da-f]{3,8}|[a-z]+|(rgb|hsl)a?\([^()]*\))$/.test(background),
      `${background}`,
    );
  }
});

Deno.test("readEmbedOptions() takes a colour with and without #, by name and as numbers, and nothing that could load", () => {
  const background = (value: string) => readEmbedOptions(`?${new URLSearchParams({ background: value })}`).background;
  assert.deepEqual(
    ["101010", "#FFF", "ff000080", "Black", "rgb(16 16 16 / 0.5)", "hsla(120,50%,50%,1)"].map(background),
    ["#101010", "#fff", "#ff000080", "black", "rgb(16 16 16 / 0.5)", "hsla(120,50%,50%,1)"],
  );
  const refused = ["", "transparent", "12345", "url(x.png)", "red;color:red", "var(--x)", "image(red)", "rgb(url(x))"];
  assert.deepEqual(refused.map(background), refused.map(() => null));
});

Deno.test("readEmbedOptions() takes any words as a label, in one line and at most 80 characters", () => {
  const label = (value: string) => readEmbedOptions(`?${new URLSearchParams({ label: value })}`).label;
  assert.equal(label("none"), null);
  assert.equal(label("  \n "), null);
  assert.equal(label("prompt"), "prompt");
  assert.equal(label(" made <b>live</b>\n\ton stage "), "made <b>live</b> on stage");
  assert.equal([...label("\u{1F600}".repeat(100))!].length, labelLengthMax);
});

Deno.test("readEmbedAddress() tells a session from a channel, below any path", () => {
  assert.deepEqual(readEmbedAddress("/embed/k3f9x2"), { kind: "session", name: "k3f9x2" });
  assert.deepEqual(readEmbedAddress("/a/b/embed/channel/main-stage"), { kind: "channel", name: "main-stage" });
  assert.deepEqual(readEmbedAddress("/framecast/embed/latest"), { kind: "channel", name: "latest" });
  assert.deepEqual(readEmbedAddress("/embed/channel"), { kind: "session", name: "channel" });
  assert.deepEqual(readEmbedAddress("/embed/100%"), { kind: "session", name: "100%" });
});

Deno.test("addressesOf() puts the picture's options into every address and the page's into its own", () => {
  const options = { view: "growing", previews: "", scale: "smooth", end: "hold", label: "on air" };
  assert.deepEqual(addressesOf("https://house/framecast/", { kind: "channel", name: "stage" }, options), {
    embed: "https://house/framecast/embed/channel/stage?view=growing&scale=smooth&end=hold&label=on+air",
    liveTs: "https://house/framecast/api/channels/stage/live.ts?view=growing&end=hold",
    whep: "https://house/framecast/api/channels/stage/whep?view=growing&end=hold",
  });
  assert.deepEqual(addressesOf("http://127.0.0.1:8000/", { kind: "session", name: "k3f9x2" }, { end: "hold" }), {
    embed: "http://127.0.0.1:8000/embed/k3f9x2?end=hold",
    liveTs: "http://127.0.0.1:8000/api/sessions/k3f9x2/live.ts",
    whep: "http://127.0.0.1:8000/api/sessions/k3f9x2/whep",
  });
});

Deno.test("playCommands() hands the address to each player in one piece", () => {
  const url = "http://127.0.0.1:8000/api/channels/a/live.ts?view=growing&wait=loop";
  for (const [, command] of playCommands(url)) assert.ok(command!.includes(`"${url}"`), command!);
});

Deno.test("isChannelName() and the server agree on names, but for the channel of all sessions", () => {
  const names = [
    "a",
    "Main-stage_2",
    "0",
    "x".repeat(64),
    "",
    "-a",
    "_a",
    "a b",
    "ä",
    "a/b",
    "..",
    "x".repeat(65),
    "a\n",
  ];
  for (const name of names) {
    assert.equal(isChannelName(name), channelName.safeParse(name).success, JSON.stringify(name));
  }
  assert.ok(isChannelName("latest"));
});
