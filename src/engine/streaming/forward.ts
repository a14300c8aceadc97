/**
 * What flows through the blocks of one step: two streams, then one.
 * @module
 */
import type { DeviceTensor } from "../onnx/device_tensor.ts";
import type { Executable } from "../onnx/runtime.ts";
import type { BlockInputs } from "../whole_blocks.ts";
import type { KnownBlock } from "./known_blocks.ts";

/** Compiled for the section's shape: both kinds of blocks, and what joins the streams between them. */
export type ForwardExecutable = (kind: "dual" | "single" | "joint") => Promise<Executable>;

/** Holds the newest results, and gives the older ones back. */
export class Forward implements Disposable {
  readonly #inputs: BlockInputs;
  readonly #executable: ForwardExecutable;
  readonly #signal: AbortSignal;
  #streams: { readonly image: DeviceTensor; readonly context: DeviceTensor };
  #joint: DeviceTensor | undefined;
  /** Results of its own among them. */
  #held: DeviceTensor[] = [];

  constructor(inputs: BlockInputs, executable: ForwardExecutable, signal: AbortSignal) {
    this.#inputs = inputs;
    this.#executable = executable;
    this.#signal = signal;
    this.#streams = inputs;
  }

  /** Goes through one block. */
  async advance(
    { kind, rows: { start, end } }: Pick<KnownBlock<"dual" | "single">, "kind" | "rows">,
    weights: Readonly<Record<string, DeviceTensor>>,
  ): Promise<void> {
    const { cos, sin } = this.#inputs;
    using modulations = this.#inputs.modulations.rows(start, end);
    const block = await this.#executable(kind);
    if (kind === "dual") {
      const inputs = { ...this.#streams, modulations, cos, sin, ...weights };
      const { nextImage, nextContext } = await block.runInto(
        { ...inputs, image: this.#streams.image, context: this.#streams.context },
        { nextImage: "device", nextContext: "device" },
        this.#signal,
      );
      this.#streams = { image: nextImage, context: nextContext };
      return this.#hold(nextImage, nextContext);
    }
    const inputs = { joint: await this.joint(), modulations, cos, sin, ...weights };
    const { nextJoint } = await block.runInto(inputs, { nextJoint: "device" }, this.#signal);
    this.#joint = nextJoint;
    this.#hold(nextJoint);
  }

  /** The joint sequence after the blocks so far `[tokens, hidden]`; stays this object's. */
  async joint(): Promise<DeviceTensor> {
    if (this.#joint) return this.#joint;
    const { image, context } = this.#streams;
    const join = await this.#executable("joint");
    const { joint } = await join.runInto({ image, context }, { joint: "device" }, this.#signal);
    this.#hold(joint);
    return this.#joint = joint;
  }

  #hold(...results: DeviceTensor[]): void {
    this[Symbol.dispose]();
    this.#held = results;
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#held) tensor[Symbol.dispose]();
    this.#held = [];
  }
}
