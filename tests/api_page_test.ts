/** The samples of the API page about watching, run as they stand in a real Chromium against a real server. */
import assert from "node:assert/strict";
import { liveSamples } from "../static/docs_live_samples.js";
import { chromiumPath } from "./chromium.ts";
import { openSite, shows, until } from "./page_site.ts";
import { startServer } from "./server_fixture.ts";

/** The statements of a sample: what it does, without what the server says, a list for each of its steps. */
function stepsOf(lines: readonly (readonly (readonly string[])[])[]): string[] {
  const code = lines.filter((line) => !line.some(([look]) => look === "quiet"))
    .map((line) => line.map(([, text]) => text).join(""));
  return code.join("\n").split(/\n{2,}/);
}

Deno.test({
  name: "the sample for watching shows the picture, hears of it, sees something else and leaves (Chromium)",
  ignore: chromiumPath === undefined,
  async fn() {
    await using site = await openSite();
    site.engine.admit(2);
    await site.server.start({ durationSeconds: "5" });
    const page = await site.open("/api/docs");
    await shows(page, "peer.createDataChannel");
    const { origin } = new URL(page.url());
    const [watch, choose, leave] = stepsOf(liveSamples(origin).whep);
    // Names of the sample are kept from one step to the next as they would be in one script.
    await page.evaluate(`
      var video = document.body.appendChild(document.createElement("video"));
      video.muted = video.autoplay = true;
      video.style = "position: fixed; inset: 0"; // a browser plays by itself only what can be seen
      var heard = [], statuses = [];
      {
        const log = console.log, call = fetch;
        console.log = (message) => heard.push(message);
        fetch = (...args) => call(...args).then((response) => (statuses.push(response.status), response));
      }
      var goOn = [];
      var step = () => new Promise((resolve) => goOn.push(resolve));
      void (async () => { ${watch}\nawait step();\n${choose}\nawait step();\n${leave} })();`);
    await until(page, "video.videoWidth > 2 && video.currentTime > 0.5");
    await until(page, `heard.some(({ event, data }) => event === "state" && data.state === "running")`);
    await until(page, `heard.some(({ event, data }) => event === "playout" && data.view === "arrival")`);
    await page.evaluate("goOn.shift()()");
    await until(page, `heard.some(({ event, data }) => event === "playout" && data.view === "growing")`);
    await page.evaluate("goOn.shift()()");
    await until(page, "statuses.length === 3");
    assert.deepEqual(await page.evaluate("statuses"), [201, 204, 200]);
    assert.deepEqual(site.complaints, []);
  },
});

Deno.test("each sample names this server's calls only", async () => {
  await using server = await startServer();
  const { paths } = await (await server.request("/api/openapi.json")).json();
  const templates = [...Object.keys(paths), "/metrics"].map((path) =>
    new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[\\w-]+")}$`)
  );
  for (const [name, lines] of Object.entries(liveSamples("http://house/base"))) {
    const text = lines.map((line: string[][]) => line.map(([, part]) => part).join("")).join("\n");
    const addresses = [...text.matchAll(/http:\/\/house\/base(\/[\w\/.-]+)/g)].map(([, path]) => path!);
    assert.ok(addresses.length > 0, name);
    for (const path of addresses) assert.ok(templates.some((template) => template.test(path)), `${name}: ${path}`);
  }
});
