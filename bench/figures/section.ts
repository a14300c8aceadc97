/**
 * One section of the embedded model against the published networks on torch: the same weights, threads and shapes, in
 * turns within one run. Both sides' results are compared first.
 * @module
 */
import { generateVideo } from "../../src/engine/generate.ts";
import type { FramePackModel } from "../../src/engine/model.ts";
import { type EmbeddedModel, embeddedModelDir, exampleRequest, loadEmbeddedModel, threads } from "../embedded_model.ts";
import { type BenchOptions, type Figure, inTurns, type Measurement, timed, type Timing } from "../figure.ts";
import { type Reference, startReference } from "../reference_process.ts";
import { distance, type Exchange, readExchange, transformerOf } from "./exchange.ts";

export const sectionAgainstReference: Figure = {
  name: "section",
  what: "one section against the published networks on torch",
  measure,
};

const signal = new AbortController().signal;

async function* measure({ python, rounds }: BenchOptions): AsyncGenerator<Measurement> {
  await using embedded = await loadEmbeddedModel();
  const { model } = embedded;
  const request = await exampleRequest(120);
  const { settings: { prompt, steps, widthPx } } = request;
  const { states } = await model.textEncoder.encode(prompt, signal);
  const exchangeDir = await Deno.makeTempDir({ prefix: "framecast-bench-" });
  try {
    await using reference = await startReference({
      python,
      modelDir: embeddedModelDir,
      exchangeDir,
      threads,
      sidePx: widthPx,
      textTokens: states.shape[0]!,
      steps,
    });
    const exchange = await readExchange(exchangeDir);
    const setting = { threads, sizePx: widthPx, steps, versions: reference.versions };
    yield* measureParts(model, reference, exchange, rounds, setting);
    yield* measureSection(embedded, reference, rounds, setting);
  } finally {
    await Deno.remove(exchangeDir, { recursive: true });
  }
}

type Setting = Readonly<Record<string, unknown>>;

/** Aims of the issue; the encoders have none of their own. */
const parts: readonly { part: string; figure: string; aim?: { atLeast: number } }[] = [
  { part: "transformer", figure: "transformer forward against torch", aim: { atLeast: 1.3 } },
  { part: "vae decode", figure: "VAE decode (18 latent frames) against torch", aim: { atLeast: 4 } },
  { part: "vae encode", figure: "VAE encode against torch" },
  { part: "text encoders", figure: "text encoders against torch" },
  { part: "image encoder", figure: "image encoder against torch" },
];

async function* measureParts(
  model: FramePackModel,
  reference: Reference,
  exchange: Exchange,
  rounds: number,
  setting: Setting,
): AsyncGenerator<Measurement> {
  const own = await ownParts(model, exchange);
  for (const { part, figure, aim } of parts) {
    const { run, agreement, remark } = own[part]!;
    const timings = await inTurns({
      framecast: () => timed(run),
      float32: () => reference.run(part, "float32"),
      bfloat16: () => reference.run(part, "bfloat16"),
    }, rounds);
    const relativeDistance = await agreement?.();
    const detail = { ...setting, seconds: timings, ...(agreement ? { relativeDistance } : {}), remark };
    yield { figure, unit: "×", value: ratio(timings.float32, timings.framecast), ...(aim ? { aim } : {}), detail };
    yield {
      figure: `${figure}, its bfloat16`,
      unit: "×",
      value: ratio(timings.bfloat16, timings.framecast),
      detail: { ...setting, seconds: timings },
    };
  }
}

interface OwnPart {
  readonly run: () => Promise<unknown>;
  /** ‖own − reference‖ / ‖reference‖ on the same input. */
  readonly agreement?: () => Promise<number>;
  readonly remark: string;
}

async function ownParts(model: FramePackModel, exchange: Exchange): Promise<Record<string, OwnPart>> {
  const { transformer, vae, textEncoder, imageEncoder } = model;
  const { image, settings: { prompt } } = await exampleRequest(1);
  const forward = await transformerOf(transformer, exchange);
  const size = exchange.latentSize;
  const latents = exchange.input("decoded_and_window");
  const pixels = { data: exchange.input("picture"), shape: [3, 1, size.height * 8, size.width * 8] as const };
  // Tiles that come again are not decoded again, so each run gets numbers of its own.
  let run = 0;
  const fresh = () => latents.map((value) => value + ++run * 1e-6);
  return {
    transformer: {
      run: forward.step,
      agreement: async () => distance(await forward.whole(), exchange.output("transformer")),
      remark: "a step of a section; modulation vectors and refined text, which sections share, are there already",
    },
    "vae decode": {
      run: () => vae.decode(fresh(), size, signal),
      agreement: async () => distance((await vae.decode(latents, size, signal)).data, exchange.output("vae decode")),
      remark: "every tile computed; within a video two of six come again and are not",
    },
    "vae encode": {
      run: () => vae.encode(pixels, signal),
      agreement: async () => distance(vae.latentsOf(await vae.encode(pixels, signal)), exchange.output("vae encode")),
      remark: "the start picture",
    },
    "text encoders": { run: () => textEncoder.encode(prompt, signal), remark: "here with tokenization, there without" },
    "image encoder": { run: () => imageEncoder.encode(image, signal), remark: "here with resizing, there without" },
  };
}

async function* measureSection(
  { model }: EmbeddedModel,
  reference: Reference,
  rounds: number,
  setting: Setting,
): AsyncGenerator<Measurement> {
  const sections = sectionsOf(model);
  for (let warmUp = 0; warmUp < 2; warmUp++) await sections.next();
  const timings = await inTurns({
    framecast: async () => (await sections.next()).value!,
    float32: () => reference.run("section", "float32"),
    bfloat16Convolutions: () => reference.run("section", "float32", "bfloat16"),
    bfloat16: () => reference.run("section", "bfloat16"),
  }, rounds);
  await sections.return(undefined);
  const { framecast, float32, bfloat16Convolutions, bfloat16 } = timings;
  const fastest = [float32, bfloat16Convolutions, bfloat16].toSorted((a, b) => a.min - b.min)[0]!;
  const detail = { ...setting, seconds: timings };
  const aim = { atLeast: 3 };
  yield { figure: "one section against torch", unit: "×", value: ratio(float32, framecast), aim, detail };
  yield { figure: "one section against torch's fastest variant", unit: "×", value: ratio(fastest, framecast), detail };
}

/** Seconds of section after section of one long video: history, sampling, decoding, stitching, frames as RGB24. */
async function* sectionsOf(model: FramePackModel): AsyncGenerator<number, void> {
  let start = 0;
  for await (const event of generateVideo(model, await exampleRequest(120), signal)) {
    if (event.kind === "sampling") start = performance.now();
    if (event.kind === "sectionDone") yield (performance.now() - start) / 1000;
  }
}

/** Of the least times: what other programs on the machine add falls away on both sides. */
const ratio = (reference: Timing, own: Timing) => reference.min / own.min;
