/**
 * What an engine runs on, as sessions know it.
 * @module
 */
import type { DecodeOrder, Engine } from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { ModelView } from "./view.ts";

export interface EngineOnDevice {
  readonly engine: Engine;
  /** Its own, shared with no other engine. */
  readonly device: Device;
}

export class Device {
  /** How the newest video is decoded there. */
  decode: DecodeOrder = "between";
  readonly #log: Log;
  readonly #states = new Map<string, ModelView["state"]>();
  #name: string;
  #memory = "";

  /** @param name as people call it: `CPU`. The engine may know better, see `learn()` */
  constructor(name: string, log: Log) {
    this.#name = name;
    this.#log = log;
  }

  get name(): string {
    return this.#name;
  }

  /** The engine has chosen, and has shared its memory out. */
  learn({ device, memory }: { readonly device: string; readonly memory: readonly string[] | null }): void {
    this.#name = device;
    const words = memory?.join("; ") ?? "";
    if (words !== this.#memory && words !== "") this.#log.info("gpu.planned", { device, memory: words });
    this.#memory = words;
  }

  /** `loading` while a model's graphs are made ready, `ready` when the next video with it starts at once. */
  stateOf(model: string): ModelView["state"] {
    return this.#states.get(model) ?? "cold";
  }

  setState(model: string, state: ModelView["state"]): void {
    this.#states.set(model, state);
  }
}
