/**
 * The transformer's blocks one by one: some keep their weights on the device, the others' weights go through two slots while
 * the blocks before them compute. The layers that make modulation vectors pass by once per prompt, for all steps at once,
 * and are not on the device while sampling.
 * @module
 */
import { modulationRows } from "../networks/modulation.ts";
import type { DeviceMemory, DeviceMemoryPort } from "../onnx/device_memory.ts";
import type { DeviceTensor } from "../onnx/device_tensor.ts";
import type { ExecutableCache } from "../onnx/executable_cache.ts";
import { encodeModel, type GraphSpec } from "../onnx/model_proto.ts";
import type { Device, Executable, Runtime } from "../onnx/runtime.ts";
import { elementBytes } from "../onnx/tensor.ts";
import * as blockGraphs from "../transformer_block_graphs.ts";
import { conditionGraph, type SectionShape, type TransformerSource } from "../transformer_graphs.ts";
import type { BlockInputs, BlockResults, BlockRunner, ConditionInputs } from "../whole_blocks.ts";
import { Forward } from "./forward.ts";
import { blocksOf, type KnownBlock, modulationLayersOf } from "./known_blocks.ts";
import type { SideBlock } from "./side_block.ts";
import { BlockReader } from "./weight_reader.ts";
import { WeightStream } from "./weight_stream.ts";
import { type Weights, WeightTensors } from "./weight_tensors.ts";

/** Blocks that keep their weights on the device, counted from 0; the others are streamed. A `MemoryPlan` is one. */
export interface WeightPlacement {
  readonly dual: { readonly resident: readonly number[] };
  readonly single: { readonly resident: readonly number[] };
}

export interface StreamedBlocksOptions {
  readonly source: TransformerSource;
  readonly executables: Pick<ExecutableCache, "get">;
  /** Where the embedding of a step's conditions is compiled. Default: with the others. */
  readonly conditioning?: Pick<ExecutableCache, "get"> | undefined;
  readonly runtime: Pick<Runtime, "openMemory" | "tensorIn">;
  readonly device: Device;
  readonly placement: WeightPlacement;
}

/** Of runners that share a device: the one that has its weights there. */
interface Tenancy {
  tenant: StreamedBlocks | undefined;
}

export class StreamedBlocks implements BlockRunner, AsyncDisposable {
  readonly modulates = "all steps at once";
  readonly adapters = "beside";
  readonly #options: StreamedBlocksOptions;
  readonly #memory: DeviceMemoryPort;
  readonly #blocks: readonly KnownBlock<"dual" | "single">[];
  readonly #modulationLayers: readonly KnownBlock[];
  readonly #residents: readonly (KnownBlock | SideBlock)[];
  readonly #weights: WeightTensors;
  readonly #reader: BlockReader;
  readonly #tenancy: Tenancy;
  #stream: WeightStream<KnownBlock | SideBlock> | undefined;
  /** Passes take turns: they share the slots. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Takes no memory yet. @throws DeviceError when the device cannot be reached */
  constructor(options: StreamedBlocksOptions, tenancy: Tenancy = { tenant: undefined }) {
    const { source, runtime, device, placement } = options;
    this.#options = options;
    this.#tenancy = tenancy;
    this.#memory = runtime.openMemory(device);
    this.#weights = new WeightTensors(runtime, device);
    this.#reader = new BlockReader(source.checkpoint);
    const blocks = blocksOf(source);
    this.#blocks = blocks;
    this.#modulationLayers = modulationLayersOf(source);
    this.#residents = [
      ...blocks.filter(({ kind, index }) => placement[kind].resident.includes(index)),
      ...this.#everyBlock().flatMap(({ side }) => side ?? []),
    ];
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
    await this.#pass(this.#modulationLayers, async ({ kind, rows: { start, end } }, weights) => {
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
    await this.#pass(this.#blocks, (block, weights) => forward.advance(block, weights), signal);
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
    const kinds = new Set(this.#blocks.map(({ kind }) => kind));
    const layers = new Set(this.#modulationLayers.map(({ kind }) => kind));
    await Promise.all([
      this.#end(shape),
      ...[...kinds].map((kind) => this.#forward(kind, shape)),
      ...[...layers].map((kind) => this.#modulation(kind)),
    ]);
    await this.#pass([], () => Promise.resolve(), new AbortController().signal);
  }

  under(source: TransformerSource, executables: Pick<ExecutableCache, "get">): StreamedBlocks {
    return new StreamedBlocks({ ...this.#options, source, executables, conditioning: executables }, this.#tenancy);
  }

  /** Waits for what is under way, and gives all memory back. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
    this.#memory[Symbol.dispose]();
  }

  /** Gives the weights' memory to others; the next pass brings them again. */
  async #leave(): Promise<void> {
    await this.#turn;
    await this.#stream?.[Symbol.asyncDispose]();
    this.#stream = undefined;
    if (this.#tenancy.tenant === this) this.#tenancy.tenant = undefined;
  }

  async #enter(): Promise<WeightStream<KnownBlock | SideBlock>> {
    const { tenant } = this.#tenancy;
    if (tenant && tenant !== this) await tenant.#leave();
    this.#tenancy.tenant = this;
    return this.#stream ??= this.#openStream();
  }

  /** Runs `compute` on each block's weights, when it is this pass's turn. Every pass is followed by one over the blocks. */
  #pass<Block extends KnownBlock>(
    blocks: readonly Block[],
    compute: (block: Block, weights: Weights) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const pass = this.#turn.then(async () => {
      const stream = await this.#enter();
      await stream.keep(this.#residents, signal);
      await stream.pass({
        blocks,
        next: this.#blocks,
        compute: (block, memory) => compute(block as Block, this.#weightsOf(block as Block, memory, stream)),
      }, signal);
    });
    this.#turn = pass.catch(() => {});
    return pass;
  }

  #weightsOf(block: KnownBlock, memory: DeviceMemory, stream: WeightStream<KnownBlock | SideBlock>): Weights {
    const weights = this.#weights.in(memory, block.layout);
    return block.side ? { ...weights, ...this.#weights.in(stream.kept(block.side), block.side.layout) } : weights;
  }

  #openStream(): WeightStream<KnownBlock | SideBlock> {
    const streamed = this.#blocks.filter((block) => !this.#residents.includes(block));
    const largest = (blocks: readonly (KnownBlock | SideBlock)[]) =>
      Math.max(...blocks.map(({ layout }) => layout.sizeBytes));
    return new WeightStream({
      memory: this.#memory,
      slotBytes: largest([...streamed, ...this.#modulationLayers]),
      stagingBytes: largest([...this.#blocks, ...this.#modulationLayers, ...this.#residents]),
      read: (block, into, signal) => "read" in block ? block.read(into) : this.#reader.read(block, into, signal),
    });
  }

  #everyBlock(): KnownBlock[] {
    return [...this.#blocks, ...this.#modulationLayers];
  }

  /** An empty modulation table. */
  #table(): DeviceTensor {
    const { runtime, device, source: { config, computeDType: dtype } } = this.#options;
    const shape = [modulationRows(config), config.hidden] as const;
    const owned = this.#memory.allocate(shape[0] * shape[1] * elementBytes[dtype]);
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
      `${kind} block ${JSON.stringify(shape)}${sideKey(this.#blocks.find((block) => block.kind === kind))}`,
      build[kind],
    );
  }

  #end(shape: SectionShape): Promise<Executable> {
    const build = () => blockGraphs.blocksEndGraph(this.#options.source, shape);
    return this.#compiled(`end of blocks ${JSON.stringify(shape)}`, build);
  }

  #modulation(kind: blockGraphs.ModulatedKind): Promise<Executable> {
    const build = () => blockGraphs.blockModulationGraph(this.#options.source, kind).spec;
    const layer = this.#modulationLayers.find((one) => one.kind === kind);
    return this.#compiled(`${kind} modulation${sideKey(layer)}`, build);
  }

  /** Graphs that take something beside their weights take it in any rank, so that sets of adapters may share them. */
  #compiled(key: string, build: () => GraphSpec): Promise<Executable> {
    return this.#options.executables.get(key, () => encodeModel(build()));
  }
}

/** Which of a block's products have something beside them. */
const sideKey = (block: KnownBlock | undefined): string =>
  block?.side ? ` beside ${block.side.layout.tensors.map(({ name }) => name)}` : "";
