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
import { castTo, Graph, Module, type Value } from "./onnx/graph.ts";
import { mul, transpose } from "./onnx/operators.ts";
import { type Checkpoint, openCheckpoint } from "./onnx/safetensors.ts";
import { float32Tensor, type Tensor } from "./onnx/tensor.ts";
import type { PixelClip } from "./sampling/mod.ts";
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
}

/** Pixels ↔ latents. Latents are scaled: about unit variance, as the transformer has them. */
export class Vae {
  readonly #executables: ExecutableCache;
  readonly #options: Required<VaeOptions>;
  readonly #decodeLanes: { readonly tiles: number; readonly threads: number };
  #decodedTiles: DecodedTile[] = [];

  constructor(
    readonly config: VaeConfig,
    readonly checkpoint: Checkpoint,
    executables: ExecutableCache,
    { spatialTiles = "tiled", computeDType = "float32" }: VaeOptions = {},
  ) {
    this.#executables = executables;
    this.#options = { spatialTiles, computeDType };
    this.#decodeLanes = decodeLanes(config, executables.options);
  }

  /** The most likely latent frame of a picture `[16, 1, heightPx / 8, widthPx / 8]`; sides are multiples of 8. */
  async encodeImage(picture: RgbImage, signal: AbortSignal): Promise<Float32Array> {
    return this.latentsOf(await this.encode(picturePlanes(picture), signal));
  }

  /** pixels `[3, 4 n + 1, heightPx, widthPx]` in [-1, 1] → moments `[32, n + 1, …]`: 16 means, 16 log variances */
  async encode(pixels: Volume, signal: AbortSignal): Promise<Volume> {
    await using _use = this.#executables.use();
    return await inTiles(pixels, encodeTiling, this.#options.spatialTiles, async (tile) => {
      const encode = await this.#encoder(tile.shape);
      return volumeOf((await encode.run({ pixels: float32Tensor(tile.shape, tile.data) }, signal))["moments"]!);
    });
  }

  /** Mode of the posterior, scaled `[16, …]`. */
  latentsOf(moments: Volume): Float32Array {
    return moments.data.slice(0, moments.data.length / 2).map((mean) => mean * this.config.scalingFactor);
  }

  /** latents `[16, n, height, width]` → 4 n - 3 frames */
  async decode(latents: Float32Array, { height, width }: LatentSize, signal: AbortSignal): Promise<PixelClip> {
    await using _use = this.#executables.use();
    const input: Volume = { data: latents, shape: [16, latents.length / (16 * height * width), height, width] };
    const before = this.#decodedTiles;
    const decoded: DecodedTile[] = this.#decodedTiles = [];
    const { data, shape } = await inTiles(input, decodeTiling, this.#options.spatialTiles, async (tile) => {
      const known = before.find(({ latents }) => isSame(latents, tile));
      const pixels = known?.pixels ?? await this.#decodeTile(tile, signal);
      decoded.push({ latents: tile, pixels });
      return pixels;
    }, this.#decodeLanes.tiles);
    return { data, frames: shape[1], heightPx: shape[2], widthPx: shape[3] };
  }

  /** Compiles what pictures and sections of this size need. */
  async warm({ height, width }: LatentSize, windowLatentFrames = 9): Promise<void> {
    const { spatialTiles } = this.#options;
    const pictures = tileShapes([3, 1, height * 8, width * 8], encodeTiling, spatialTiles);
    const sections = decodedLengths(windowLatentFrames)
      .flatMap((frames) => tileShapes([16, frames, height, width], decodeTiling, spatialTiles));
    const warm = async (executables: Promise<unknown>[]) => {
      await using _use = this.#executables.use();
      await Promise.all(executables);
    };
    await warm(pictures.map((shape) => this.#encoder(shape)));
    await warm(sections.map((shape) => this.#decoder(shape)));
  }

  async #decodeTile(tile: Volume, signal: AbortSignal): Promise<Volume> {
    const decode = await this.#decoder(tile.shape);
    return volumeOf((await decode.run({ latents: float32Tensor(tile.shape, tile.data) }, signal))["pixels"]!);
  }

  #encoder(shape: Volume["shape"]) {
    return this.#executables.get(
      `vae.encoder ${shape}`,
      () => this.#graph("pixels", shape, "moments", (m, pixels) => encoder(m, this.config, pixels)),
    );
  }

  #decoder(shape: Volume["shape"]) {
    const unscaled = (m: Module, latents: Value) => mul(m, latents, m.scalar(1 / this.config.scalingFactor));
    return this.#executables.get(
      `vae.decoder ${shape}`,
      () => this.#graph("latents", shape, "pixels", (m, latents) => decoder(m, this.config, unscaled(m, latents))),
      { threads: this.#decodeLanes.threads },
    );
  }

  /** One input and one output `[channels, frames, height, width]` in float32, whatever is between. */
  #graph(
    input: string,
    shape: Volume["shape"],
    output: string,
    network: (m: Module, x: Value) => Value,
  ): Uint8Array<ArrayBuffer> {
    const graph = new Graph(`vae ${input} to ${output}`, this.#options.computeDType);
    const m = new Module(graph, this.checkpoint);
    const x = castTo(m, swapFirstAxes(m, graph.input(input, shape, "float32")), this.#options.computeDType);
    graph.output(output, swapFirstAxes(m, castTo(m, network(m, x), "float32")));
    // CUDA has kernels for InstanceNormalization as it was up to opset 21.
    return this.#executables.options.device.kind === "cuda" ? graph.build(21) : graph.build();
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
