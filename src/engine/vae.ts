/**
 * The autoencoder at work: compiles a graph per tile shape, and decodes no tile twice that comes again unchanged.
 * @module
 */
import { join } from "node:path";
import type { RgbImage } from "../video.ts";
import { readJsonObject } from "./json_file.ts";
import { decoder, encoder } from "./networks/vae.ts";
import { parseVaeConfig, type VaeConfig } from "./networks/vae_config.ts";
import type { ExecutableCache } from "./onnx/executable_cache.ts";
import { Graph, type Value } from "./onnx/graph.ts";
import { castTo, Module } from "./onnx/module.ts";
import { encodeModel } from "./onnx/model_proto.ts";
import { mul, transpose } from "./onnx/operators.ts";
import type { Executable } from "./onnx/runtime.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";
import { elementCount, float32Tensor, type Tensor } from "./onnx/tensor.ts";
import { type FedGraph, WeightInputGraph } from "./onnx/weight_inputs.ts";
import type { PixelClip } from "./sampling/mod.ts";
import type { SharedWeights } from "./streaming/shared_weights.ts";
import { layoutOf, type WeightLayout } from "./streaming/weight_layout.ts";
import {
  decodedLengths,
  decodeTiling,
  encodeTiling,
  inTiles,
  type SpatialTiles,
  tileShapes,
  type Volume,
} from "./vae_tiling.ts";

/** Height and width in latent pixels, an eighth of the picture's. */
export interface LatentSize {
  readonly height: number;
  readonly width: number;
}

export interface VaeOptions {
  /**
   * Whether tiles above 256 pixels a side are cut into smaller ones: less memory, another result. The reference does it on
   * cards with less than 60 GB. Default "tiled".
   */
  readonly spatialTiles?: SpatialTiles;
  /** What the networks calculate in; pictures and latents are float32 outside of them. Default "float32". */
  readonly computeDType?: "float32" | "float16";
  /** Weights that all its graphs read. Default: every graph has its own, prepared for speed when it is compiled. */
  readonly weights?: (checkpoint: Checkpoint) => SharedWeights;
}

/** Its two networks: the name of what goes in and of what comes out, both `[channels, frames, height, width]` in float32. */
const networks = {
  encoder: { input: "pixels", output: "moments", smallest: [3, 1, 8, 8] },
  decoder: { input: "latents", output: "pixels", smallest: [16, 1, 1, 1] },
} as const;
type Network = keyof typeof networks;

/** Pixels ↔ latents. Latents are scaled: about unit variance, as the transformer has them. */
export class Vae implements AsyncDisposable {
  readonly #executables: ExecutableCache;
  readonly #options: Required<Omit<VaeOptions, "weights">>;
  readonly #weights: SharedWeights | undefined;
  readonly #layouts = new Map<Network, WeightLayout>();
  readonly #decodeLanes: { readonly tiles: number; readonly threads: number };
  #decodedTiles: DecodedTile[] = [];
  /** Shapes that have been decoded. */
  readonly #rehearsed = new Set<string>();

  constructor(
    readonly config: VaeConfig,
    readonly checkpoint: Checkpoint,
    executables: ExecutableCache,
    { spatialTiles = "tiled", computeDType = "float32", weights }: VaeOptions = {},
  ) {
    this.#executables = executables;
    this.#weights = weights?.(checkpoint);
    this.#options = { spatialTiles, computeDType };
    this.#decodeLanes = decodeLanes(config, executables.options);
  }

  /** The most likely latent frame of a picture `[16, 1, heightPx / 8, widthPx / 8]`; sides are multiples of 8. */
  async encodeImage(picture: RgbImage, signal: AbortSignal): Promise<Float32Array> {
    return this.latentsOf(await this.encode(picturePlanes(picture), signal));
  }

  /** pixels `[3, 4 n + 1, heightPx, widthPx]` in [-1, 1] → moments `[32, n + 1, …]`: 16 means, 16 log variances */
  async encode(pixels: Volume, signal: AbortSignal): Promise<Volume> {
    await using _use = this.#use();
    // What stays is taken before the first step, not in the middle of a video.
    if (this.#weights?.stay === "always") await this.#weights.of(this.#layout("decoder"), signal);
    return await inTiles(
      pixels,
      encodeTiling,
      this.#options.spatialTiles,
      (tile) => this.#runTile("encoder", tile, signal),
    );
  }

  /** Mode of the posterior, scaled `[16, …]`. */
  latentsOf(moments: Volume): Float32Array {
    return moments.data.slice(0, moments.data.length / 2).map((mean) => mean * this.config.scalingFactor);
  }

  /** latents `[16, n, height, width]` → 4 n - 3 frames */
  async decode(latents: Float32Array, { height, width }: LatentSize, signal: AbortSignal): Promise<PixelClip> {
    await using _use = this.#use();
    const input: Volume = { data: latents, shape: [16, latents.length / (16 * height * width), height, width] };
    const before = this.#decodedTiles;
    const decoded: DecodedTile[] = this.#decodedTiles = [];
    const { data, shape } = await inTiles(input, decodeTiling, this.#options.spatialTiles, async (tile) => {
      const known = before.find(({ latents }) => isSame(latents, tile));
      const pixels = known?.pixels ?? await this.#runTile("decoder", tile, signal);
      decoded.push({ latents: tile, pixels });
      return pixels;
    }, this.#decodeLanes.tiles);
    return { data, frames: shape[1], heightPx: shape[2], widthPx: shape[3] };
  }

  /** Decodes one tile of each shape that sections of this size have and that has not been decoded yet: zeros, for nothing. */
  async rehearse(size: LatentSize, windowLatentFrames: number, signal: AbortSignal): Promise<void> {
    const missing = this.#decodedShapes(size, windowLatentFrames).filter((shape) => !this.#rehearsed.has(`${shape}`));
    if (missing.length === 0) return;
    await using _use = this.#use();
    for (const shape of missing) {
      await this.#runTile("decoder", { shape, data: new Float32Array(elementCount(shape)) }, signal);
    }
  }

  /** Compiles what pictures and sections of this size need. */
  async warm({ height, width }: LatentSize, windowLatentFrames = 9): Promise<void> {
    const pictures = tileShapes([3, 1, height * 8, width * 8], encodeTiling, this.#options.spatialTiles);
    const sections = this.#decodedShapes({ height, width }, windowLatentFrames);
    const warm = async (executables: Promise<unknown>[]) => {
      await using _use = this.#use();
      await Promise.all(executables);
    };
    await warm(pictures.map((shape) => this.#executable("encoder", shape)));
    await warm(sections.map((shape) => this.#executable("decoder", shape)));
  }

  /** Gives shared weights' memory back. No run may be under way. Graphs are their cache's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#weights?.[Symbol.asyncDispose]();
  }

  /** Of the tiles of all sections of a window, no two alike. */
  #decodedShapes({ height, width }: LatentSize, windowLatentFrames: number): Volume["shape"][] {
    const shapes = decodedLengths(windowLatentFrames)
      .flatMap((frames) => tileShapes([16, frames, height, width], decodeTiling, this.#options.spatialTiles));
    return [...new Map(shapes.map((shape) => [`${shape}`, shape])).values()];
  }

  /** At whose end the weights leave that do not stay always. */
  #use(): AsyncDisposable {
    const use = this.#executables.use();
    return {
      [Symbol.asyncDispose]: async () => {
        await this.#weights?.leave();
        await use[Symbol.asyncDispose]();
      },
    };
  }

  async #runTile(network: Network, { shape, data }: Volume, signal: AbortSignal): Promise<Volume> {
    const { input, output } = networks[network];
    const executable = await this.#executable(network, shape);
    const weights = await this.#weights?.of(this.#layout(network), signal);
    const results = await executable.run({ [input]: float32Tensor(shape, data), ...weights }, signal);
    if (network === "decoder") this.#rehearsed.add(`${shape}`);
    return volumeOf(results[output]!);
  }

  #executable(network: Network, shape: Volume["shape"]): Promise<Executable> {
    const build = () => {
      // CUDA has kernels for InstanceNormalization as it was up to opset 21.
      const opset = this.#executables.options.device.kind === "cuda" ? 21 : undefined;
      return encodeModel(this.#graph(network, shape).spec, opset);
    };
    const options = network === "decoder" ? { threads: this.#decodeLanes.threads } : {};
    return this.#executables.get(`vae.${network} ${shape}`, build, options);
  }

  /** Which weights a network has does not depend on what goes through it. */
  #layout(network: Network): WeightLayout {
    const layout = this.#layouts.get(network) ?? layoutOf(this.#graph(network, networks[network].smallest).weights);
    this.#layouts.set(network, layout);
    return layout;
  }

  /** One input and one output in float32, whatever is between. */
  #graph(network: Network, shape: Volume["shape"]): FedGraph {
    const { input, output } = networks[network];
    const { computeDType } = this.#options;
    const graph = this.#weights
      ? new WeightInputGraph(`vae ${network}`, computeDType, { blocks: [""], checkpoint: this.checkpoint })
      : new Graph(`vae ${network}`, computeDType);
    const m = new Module(graph, this.checkpoint);
    const x = castTo(m, swapFirstAxes(m, graph.input(input, shape, "float32")), computeDType);
    const y = network === "encoder"
      ? encoder(m, this.config, x)
      : decoder(m, this.config, mul(m, x, m.scalar(1 / this.config.scalingFactor)));
    graph.output(output, swapFirstAxes(m, castTo(m, y, "float32")));
    return { spec: graph.spec(), weights: graph instanceof WeightInputGraph ? graph.weightInputs : [] };
  }
}

/** A picture as a video of one frame, `[3, 1, heightPx, widthPx]` in [-1, 1]. */
export function picturePlanes({ widthPx, heightPx, pixels }: RgbImage): Volume {
  const area = heightPx * widthPx;
  const data = new Float32Array(3 * area);
  for (let i = 0; i < data.length; i++) data[i] = pixels[(i % area) * 3 + Math.floor(i / area)]! / 127.5 - 1;
  return { data, shape: [3, 1, heightPx, widthPx] };
}

/**
 * How many tiles are decoded at once, and with how many threads each. The steps of a narrow network are too short to be
 * shared by many threads: two tiles at once take 0.66 to 0.8 of their time in turn (`bench/decode_lanes.ts`). A wide
 * network keeps all threads busy with one tile, and its memory for one is enough.
 */
function decodeLanes({ blockChannels }: VaeConfig, { device, threads = navigator.hardwareConcurrency }: LaneOptions) {
  const isNarrow = Math.min(...blockChannels) < 64;
  return device.kind === "cpu" && isNarrow && threads > 1
    ? { tiles: 2, threads: Math.floor(threads / 2) }
    : { tiles: 1, threads };
}
type LaneOptions = Pick<ExecutableCache["options"], "device" | "threads">;

/** A tile as it went into the decoder and came out. */
interface DecodedTile {
  readonly latents: Volume;
  readonly pixels: Volume;
}

const isSame = (a: Volume, b: Volume) =>
  a.shape.every((size, axis) => size === b.shape[axis]) && a.data.every((value, i) => Object.is(value, b.data[i]));

/** `[channels, frames, …]` ↔ `[frames, channels, …]` */
const swapFirstAxes = (m: Module, x: Value) => transpose(m, x, [1, 0, 2, 3]);

const volumeOf = ({ data, shape }: Tensor) => ({ data, shape }) as Volume;

/**
 * The autoencoder of a folder in Hugging Face layout.
 * @throws CheckpointError
 */
export async function loadVae(folder: string, executables: ExecutableCache, options?: VaeOptions): Promise<Vae> {
  const config = parseVaeConfig(await readJsonObject(join(folder, "config.json")));
  return new Vae(config, await openCheckpoint(folder), executables, options);
}
