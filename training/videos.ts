/**
 * Many videos by framecast's own engine, for `python -m framecast_training evaluate`: reads one request per line from the
 * file named first (`{model, image, prompt, seconds, seed, schedule, steps, out}`, `image` raw RGB of 96 × 96), writes the raw final
 * frames of each to `out` and one line of timings to standard output.
 * @module
 */
import { createFramePackEngine } from "../src/engine/framepack_engine.ts";
import { generationSettings, planVideo, readManifest, resolveSettings } from "../src/engine/mod.ts";

interface VideoRequest {
  readonly model: string;
  readonly image: string;
  readonly prompt: string;
  readonly seconds: number;
  readonly seed: number;
  readonly schedule: "inverted" | "forward";
  readonly steps?: number;
  readonly out: string;
}

const sizePx = 96;

await using engine = createFramePackEngine({ device: { kind: "cpu" }, threads: Number(Deno.args[1] ?? 1) });
for (const line of (await Deno.readTextFile(Deno.args[0]!)).trim().split("\n")) {
  const made = await make(JSON.parse(line) as VideoRequest);
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(made)}\n`));
}

async function make({ model, image, prompt, seconds, seed, schedule, steps, out }: VideoRequest) {
  const manifest = await readManifest(model);
  const picture = { widthPx: sizePx, heightPx: sizePx, pixels: await Deno.readFile(image) };
  const asked = generationSettings.parse({ prompt, durationSeconds: seconds, seed, schedule, steps, previews: false });
  const settings = resolveSettings(asked, manifest, picture, seed);
  const frames = new Uint8Array(planVideo(settings).frames * sizePx * sizePx * 3);
  const sections: { readonly sampling: number; readonly decoding: number }[] = [];
  for await (
    const event of engine.generate({ image: picture, settings, modelDir: model }, new AbortController().signal)
  ) {
    if (event.kind === "frames") frames.set(event.batch.pixels, event.batch.firstFrameIndex * sizePx * sizePx * 3);
    if (event.kind === "sectionDone") {
      sections.push({ sampling: event.samplingSeconds, decoding: event.decodingSeconds });
    }
  }
  await Deno.writeFile(out, frames);
  return { out, sections };
}
