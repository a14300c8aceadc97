/**
 * A compiled graph: checks what goes in, runs on threads of its own, and gives what comes out to the host or leaves it on
 * the device.
 * @module
 */
import { InferenceError } from "../errors.ts";
import { deviceErrorIn } from "./cuda_faults.ts";
import { copiedTensor, DeviceTensor, type MemoryPlace, valueOfTensor } from "./device_tensor.ts";
import {
  cString,
  type Handle,
  handleAt,
  handleFrom,
  handlesOf,
  numberFrom,
  type OrtApi,
  pointerArray,
} from "./ort_api.ts";
import { checkInputs, describeTensors, type Port, readPorts } from "./ports.ts";
import type { Tensor } from "./tensor.ts";

export type { Port } from "./ports.ts";

/** What a run reads, wherever each lies. */
export type Inputs = Readonly<Record<string, Tensor | DeviceTensor>>;

/** Where an output goes: to the program, to new memory of the device, or over a tensor that is there already. */
export type Destination = "host" | "device" | DeviceTensor;

export type Placed<Destinations> = {
  [Name in keyof Destinations]: Destinations[Name] extends "host" ? Tensor : DeviceTensor;
};

export interface Executable extends Disposable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Computes every output; several runs may be under way at once. The inputs' arrays must not change until the promise
   * settles. A stop takes effect before the next operator.
   * @throws InferenceError with names, dtypes and shapes of all inputs; the signal's reason when stopped
   */
  run(inputs: Inputs, signal?: AbortSignal): Promise<Record<string, Tensor>>;
  /**
   * The same for the outputs that are named; who calls owns the tensors of the device. The memory of the inputs must
   * stay, and that of a destination must not be read, until the promise settles.
   */
  runInto<const Destinations extends Readonly<Record<string, Destination>>>(
    inputs: Inputs,
    destinations: Destinations,
    signal?: AbortSignal,
  ): Promise<Placed<Destinations>>;
}

/** Native objects of one run, and what they point into. */
interface RunUnderWay {
  readonly options: Handle;
  readonly values: Handle[];
  readonly keptAlive: unknown[];
}

/** Where a session computes: memory its outputs can stay in, and main memory. */
export interface SessionPlaces {
  readonly device: MemoryPlace;
  readonly host: MemoryPlace;
}

export class OrtExecutable implements Executable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #api: OrtApi;
  readonly #env: Handle;
  readonly #session: Handle;
  readonly #places: SessionPlaces;
  readonly #inputNames: Uint8Array<ArrayBuffer>[];
  readonly #outputNames: Uint8Array<ArrayBuffer>[];
  readonly #runsUnderWay = new Set<RunUnderWay>();
  #state: "ready" | "disposed" | "released" = "ready";

  /** Takes over a share of the environment and the session, also when it throws. */
  constructor(api: OrtApi, env: Handle, session: Handle, places: SessionPlaces) {
    this.#api = api;
    this.#env = env;
    this.#session = session;
    this.#places = places;
    try {
      this.inputs = readPorts(api, session, "Input");
      this.outputs = readPorts(api, session, "Output");
    } catch (cause) {
      this.#release();
      throw cause;
    }
    this.#inputNames = this.inputs.map((port) => cString(port.name));
    this.#outputNames = this.outputs.map((port) => cString(port.name));
  }

  async run(inputs: Inputs, signal?: AbortSignal): Promise<Record<string, Tensor>> {
    return await this.#underWay(inputs, signal, async (run) => {
      const outputs = await this.#compute(run, inputs);
      return Object.fromEntries(this.outputs.map(({ name }, i) => [name, copiedTensor(this.#api, outputs[i]!)]));
    });
  }

  async runInto<const Destinations extends Readonly<Record<string, Destination>>>(
    inputs: Inputs,
    destinations: Destinations,
    signal?: AbortSignal,
  ): Promise<Placed<Destinations>> {
    return await this.#underWay(inputs, signal, async (run) => {
      const names = Object.keys(destinations);
      const unknown = names.find((name) => !this.outputs.some((port) => port.name === name));
      if (unknown !== undefined) throw new InferenceError(`there is no output "${unknown}"`);
      const binding = handleFrom((out) => this.#api.createIoBinding(this.#session, out));
      try {
        this.#bind(run, binding, inputs, destinations);
        await this.#api.runWithBinding(this.#session, run.options, binding);
        const values = this.#boundOutputs(binding);
        const placed = values.map((value, i) => this.#place(run, destinations[names[i]!]!, value));
        return Object.fromEntries(names.map((name, i) => [name, placed[i]])) as Placed<Destinations>;
      } finally {
        this.#api.releaseIoBinding(binding);
      }
    });
  }

  /** One run from its checks to the release of what it used. */
  async #underWay<T>(
    inputs: Inputs,
    signal: AbortSignal | undefined,
    compute: (run: RunUnderWay) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.#state !== "ready") throw new InferenceError("Cannot run: the executable is disposed");
    checkInputs(this.inputs, inputs);
    const api = this.#api;
    const run: RunUnderWay = { options: handleFrom((out) => api.createRunOptions(out)), values: [], keptAlive: [] };
    const terminate = () => api.runOptionsSetTerminate(run.options);
    this.#runsUnderWay.add(run);
    signal?.addEventListener("abort", terminate);
    try {
      const result = await compute(run);
      signal?.throwIfAborted();
      return result;
    } catch (cause) {
      signal?.throwIfAborted();
      const { message } = cause as Error;
      const fault = this.#places.device.kind === "cuda" ? deviceErrorIn(message) : undefined;
      if (fault) throw fault;
      const reason = this.#state === "ready" ? message : "the executable was disposed";
      throw new InferenceError(`${reason} (inputs: ${describeTensors(inputs)})`, { cause });
    } finally {
      signal?.removeEventListener("abort", terminate);
      for (const value of run.values) api.releaseValue(value);
      api.releaseRunOptions(run.options);
      this.#runsUnderWay.delete(run);
      this.#releaseWhenIdle();
    }
  }

  async #compute(run: RunUnderWay, inputs: Inputs): Promise<Handle[]> {
    const inputNames = pointerArray(this.#inputNames);
    const inputValues = pointerArray(this.inputs.map(({ name }) => this.#valueOf(run, inputs[name]!)));
    const outputNames = pointerArray(this.#outputNames);
    const out = new BigUint64Array(this.outputs.length);
    run.keptAlive.push(inputNames, inputValues, outputNames, out);
    await this.#api.run(
      this.#session,
      run.options,
      inputNames,
      inputValues,
      BigInt(this.inputs.length),
      outputNames,
      BigInt(this.outputs.length),
      out,
    );
    const outputs = this.outputs.map((_, i) => handleAt(out, i));
    run.values.push(...outputs);
    return outputs;
  }

  #bind(run: RunUnderWay, binding: Handle, inputs: Inputs, destinations: Readonly<Record<string, Destination>>): void {
    const api = this.#api;
    for (const [i, { name }] of this.inputs.entries()) {
      api.bindInput(binding, this.#inputNames[i]!, this.#valueOf(run, inputs[name]!));
    }
    for (const [name, destination] of Object.entries(destinations)) {
      if (destination instanceof DeviceTensor) api.bindOutput(binding, cString(name), destination.value);
      else api.bindOutputToDevice(binding, cString(name), this.#places[destination].info);
    }
  }

  /** An input's `OrtValue`: its own, or one over the program's memory that goes with the run. */
  #valueOf(run: RunUnderWay, input: Tensor | DeviceTensor): Handle {
    run.keptAlive.push(input);
    if (input instanceof DeviceTensor) return input.value;
    const value = valueOfTensor(this.#api, this.#places.host, input);
    run.values.push(value);
    return value;
  }

  /** In the order in which they were bound; the caller releases them. */
  #boundOutputs(binding: Handle): Handle[] {
    const api = this.#api;
    const allocator = handleFrom((out) => api.getAllocatorWithDefaultOptions(out));
    const array = new BigUint64Array(1);
    const count = numberFrom((out) => api.getBoundOutputValues(binding, allocator, array, out));
    if (count === 0) return [];
    const values = handlesOf(handleAt(array, 0), count);
    api.allocatorFree(allocator, handleAt(array, 0));
    return values;
  }

  #place(run: RunUnderWay, destination: Destination, value: Handle): Tensor | DeviceTensor {
    if (destination === "device") return new DeviceTensor(this.#api, this.#places.device, value);
    run.values.push(value);
    return destination === "host" ? copiedTensor(this.#api, value) : destination;
  }

  /** Ends the runs under way with an `InferenceError`; the memory goes when the last of them has returned. */
  [Symbol.dispose](): void {
    if (this.#state !== "ready") return;
    this.#state = "disposed";
    for (const run of this.#runsUnderWay) this.#api.runOptionsSetTerminate(run.options);
    this.#releaseWhenIdle();
  }

  #releaseWhenIdle(): void {
    if (this.#state === "disposed" && this.#runsUnderWay.size === 0) this.#release();
  }

  #release(): void {
    this.#state = "released";
    this.#api.releaseSession(this.#session);
    this.#api.releaseEnv(this.#env);
  }
}
