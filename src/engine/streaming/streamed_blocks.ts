/**
 * The transformer's blocks one by one: some keep their weights on the device, the others' weights go through two slots while
 * the blocks before them compute. The layers that make modulation vectors pass by once per prompt, for all steps at once,
 * and are not on the device while sampling.
 * @module
 */
import { modulationRows } from "../networks/modulation.ts";
import type { DeviceTensor } from "../onnx/device_tensor.ts";
import type { ExecutableCache } from "../onnx/executable_cache.ts";
import { encodeModel, type GraphSpec } from "../onnx/model_proto.ts";
import type { Device, Executable, Runtime } from "../onnx/runtime.ts";
import { elementBytes } from "../onnx/tensor.ts";
import * as blockGraphs from "../transformer_block_graphs.ts";
import { conditionGraph, type SectionShape, type TransformerSource } from "../transformer_graphs.ts";
import type { BlockInputs, BlockResults, BlockRunner, ConditionInputs } from "../whole_blocks.ts";
import { BlockWeights, type WeightPlacement } from "./block_weights.ts";
import { Forward } from "./forward.ts";
import { type KnownBlock, sidesInOrder } from "./known_blocks.ts";
import type { SideBlock } from "./side_block.ts";
import { type Weights, WeightTensors } from "./weight_tensors.ts";

export type { WeightPlacement } from "./block_weights.ts";

export interface StreamedBlocksOptions {
  readonly source: TransformerSource;
  readonly executables: Pick<ExecutableCache, "get">;
  /** Where the embedding of a step's conditions is compiled. Default: with the others. */
  readonly conditioning?: Pick<ExecutableCache, "get"> | undefined;
  readonly runtime: Pick<Runtime, "openMemory" | "tensorIn">;
  readonly device: Device;
  readonly placement: WeightPlacement;
}

export class StreamedBlocks implements BlockRunner, AsyncDisposable {
  readonly modulates = "all steps at once";
  readonly adapters = "beside";
  readonly #options: StreamedBlocksOptions;
  readonly #weights: BlockWeights;
  readonly #ownsWeights: boolean;
  readonly #tensors: WeightTensors;
  /** What lies beside each block's weights, and each layer's. */
  readonly #sides: ReadonlyMap<KnownBlock, SideBlock>;

  /**
   * Takes no memory yet.
   * @param whose `shared`: somebody else gives the weights' memory back
   * @throws DeviceError when the device cannot be reached
   */
  constructor(options: StreamedBlocksOptions, weights = new BlockWeights(options), whose: "own" | "shared" = "own") {
    this.#options = options;
    this.#weights = weights;
    this.#ownsWeights = whose === "own";
    this.#tensors = new WeightTensors(options.runtime, options.device);
    this.#sides = sidesBeside(this.#weights, options.source);
  }

  async modulations(conditions: readonly ConditionInputs[], signal: AbortSignal): Promise<DeviceTensor[]> {
    using made = new DisposableStack();
    using embedded = new DisposableStack();
    const tables = conditions.map(() => made.use(this.#table()));
    const vectors: DeviceTensor[] = [];
    const { executables, conditioning = executables, source } = this.#options;
    const embed = await conditioning.get("condition", () => encodeModel(conditionGraph(source)));
    for (const inputs of conditions) {
      const { condition } = await embed.runInto(inputs, { condition: "device" }, signal);
      vectors.push(embedded.use(condition));
    }
    await this.#pass(this.#weights.layers, async ({ kind, rows: { start, end } }, weights) => {
      const modulate = await this.#modulation(kind);
      for (const [index, condition] of vectors.entries()) {
        using rows = tables[index]!.rows(start, end);
        await modulate.runInto({ condition, ...weights }, { modulations: rows }, signal);
      }
    }, signal);
    made.move();
    return tables;
  }

  async run(shape: SectionShape, inputs: BlockInputs, signal: AbortSignal): Promise<BlockResults> {
    using forward = new Forward(inputs, (kind) => this.#forward(kind, shape), signal);
    await this.#pass(this.#weights.blocks, (block, weights) => forward.advance(block, weights), signal);
    const { image, modulations } = inputs;
    const end = await this.#end(shape);
    const { velocity, residual } = await end.runInto(
      { joint: await forward.joint(), image, modulations },
      { velocity: "host", residual: "device" },
      signal,
    );
    return { velocity: velocity.data as Float32Array, residual };
  }

  /** Compiles, and brings the weights that stay. */
  async warm(shape: SectionShape): Promise<void> {
    const kinds = new Set(this.#weights.blocks.map(({ kind }) => kind));
    const layers = new Set(this.#weights.layers.map(({ kind }) => kind));
    await Promise.all([
      this.#end(shape),
      ...[...kinds].map((kind) => this.#forward(kind, shape)),
      ...[...layers].map((kind) => this.#modulation(kind)),
    ]);
    await this.#pass([], () => Promise.resolve(), new AbortController().signal);
  }

  under(
    source: TransformerSource,
    executables: Pick<ExecutableCache, "get">,
    changed: ReadonlySet<string>,
  ): StreamedBlocks {
    const ours = [...this.#weights.blocks, ...this.#weights.layers].map(({ path }) => `${path}.`);
    const isShared = ![...changed].some((name) => ours.some((path) => name.startsWith(path)));
    const options = { ...this.#options, source, executables, conditioning: executables };
    return isShared
      ? new StreamedBlocks(options, this.#weights, "shared")
      : new StreamedBlocks(options, this.#weights.under(source));
  }

  /** Waits for what is under way, and gives its memory back. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsWeights) await this.#weights[Symbol.asyncDispose]();
    else await this.#weights.forget([...this.#sides.values()]);
  }

  #pass<Block extends KnownBlock>(
    blocks: readonly Block[],
    compute: (block: Block, weights: Weights) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    return this.#weights.pass({
      blocks,
      beside: [...this.#sides.values()],
      compute: (block, memory, memoryOf) => {
        const side = this.#sides.get(block);
        const weights = this.#tensors.in(memory, block.layout);
        return compute(
          block as Block,
          side ? { ...weights, ...this.#tensors.in(memoryOf(side), side.layout) } : weights,
        );
      },
    }, signal);
  }

  /** An empty modulation table. */
  #table(): DeviceTensor {
    const { runtime, device, source: { config, computeDType: dtype } } = this.#options;
    const shape = [modulationRows(config), config.hidden] as const;
    const owned = this.#weights.memory.allocate(shape[0] * shape[1] * elementBytes[dtype]);
    return runtime.tensorIn(device, owned, { offsetBytes: 0, dtype, shape }, "owned");
  }

  #forward(kind: "dual" | "single" | "joint", shape: SectionShape): Promise<Executable> {
    const { source } = this.#options;
    const build = {
      dual: () => blockGraphs.dualBlockGraph(source, shape).spec,
      single: () => blockGraphs.singleBlockGraph(source, shape).spec,
      joint: () => blockGraphs.jointGraph(source, shape),
    };
    return this.#compiled(
      `${kind} block ${JSON.stringify(shape)}${this.#sideKey(this.#weights.blocks, kind)}`,
      build[kind],
    );
  }

  #end(shape: SectionShape): Promise<Executable> {
    const build = () => blockGraphs.blocksEndGraph(this.#options.source, shape);
    return this.#compiled(`end of blocks ${JSON.stringify(shape)}`, build);
  }

  #modulation(kind: blockGraphs.ModulatedKind): Promise<Executable> {
    const build = () => blockGraphs.blockModulationGraph(this.#options.source, kind).spec;
    return this.#compiled(`${kind} modulation${this.#sideKey(this.#weights.layers, kind)}`, build);
  }

  /**
   * Which products of a kind have something beside them. They take it in any rank, so sets of adapters of the same modules
   * share their graphs.
   */
  #sideKey(blocks: readonly KnownBlock[], kind: string): string {
    const side = this.#sides.get(blocks.find((block) => block.kind === kind)!);
    return side ? ` beside ${side.layout.tensors.map(({ name }) => name)}` : "";
  }

  #compiled(key: string, build: () => GraphSpec): Promise<Executable> {
    return this.#options.executables.get(key, () => encodeModel(build()));
  }
}

function sidesBeside({ blocks, layers }: BlockWeights, source: TransformerSource): Map<KnownBlock, SideBlock> {
  const known = [...blocks, ...layers];
  return new Map(sidesInOrder(source).flatMap((side, index) => side ? [[known[index]!, side] as const] : []));
}
