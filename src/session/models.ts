/**
 * The model folders of this server and how fast this machine runs them.
 * @module
 */
import { readdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import {
  type DecodeOrder,
  type LoraChoice,
  type LoraFile,
  LoraLibrary,
  type Manifest,
  offeredSizes,
  readManifest,
} from "../engine/mod.ts";
import type { Log } from "../log.ts";
import type { Device } from "./device.ts";
import { Refusal } from "./errors.ts";
import type { Pace } from "./generation_facts.ts";
import type { Measurement, SessionStore } from "./store.ts";
import type { ModelView, SessionView } from "./view.ts";

/** A folder that can be generated with. */
export interface InstalledModel {
  /** Name of its folder. */
  readonly id: string;
  readonly dir: string;
  readonly manifest: Manifest;
}

export interface ModelsOptions {
  readonly modelsDir: string;
  /** LoRA files that all models share; need not exist. */
  readonly lorasDir: string;
  readonly defaultModel: string;
  /** Address the server listens on. Only this machine's own users may name folders outside `modelsDir`. */
  readonly host: string;
  /** What the engines run on; at least one. */
  readonly devices: readonly Device[];
  readonly store: SessionStore;
  readonly log: Log;
}

export class Models {
  readonly #options: ModelsOptions;
  readonly #loras: LoraLibrary;
  /** Latent frames of a section as each model was trained with, once it has been found. */
  readonly #windows = new Map<string, number>();

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#loras = new LoraLibrary(options.lorasDir);
  }

  /** What the engines run on, as far as is known: `GPU 0, GPU 1`. */
  get device(): string {
    return this.#deviceNames().join(", ");
  }

  /** As the newest video of each device; those that wait are taken to be like the slowest. */
  get decode(): DecodeOrder {
    return this.#options.devices.every(({ decode }) => decode === "overlapped") ? "overlapped" : "between";
  }

  get defaultModel(): string {
    return this.#options.defaultModel;
  }

  /**
   * @param id name of a folder in the models folder, or, on a server for this machine alone, the absolute path of any; the
   *   default model when left out
   * @throws `Refusal` when there is no such folder, `CheckpointError` when it cannot be used
   */
  async find(id: string = this.#options.defaultModel): Promise<InstalledModel> {
    if (isAbsolute(id) && isLoopback(this.#options.host)) return await this.#read(id, id);
    const ids = await this.#ids();
    if (!ids.includes(id)) {
      throw new Refusal(
        "model-missing",
        `The model "${id}" is not on this server, there is ${ids.join(", ") || "none"}`,
        {
          field: "model",
          value: id,
        },
      );
    }
    return await this.#read(id, join(this.#options.modelsDir, id));
  }

  /**
   * The files of these choices.
   * @throws `RequestError` naming the choice that the model does not have or that cannot be used with it
   */
  async loraFiles({ dir }: Pick<InstalledModel, "dir">, choices: readonly LoraChoice[]): Promise<LoraFile[]> {
    return await this.#loras.find(dir, choices);
  }

  /** What can be generated with; a damaged folder is left out and logged. */
  async list(): Promise<ModelView[]> {
    const views: ModelView[] = [];
    for (const id of await this.#ids()) {
      try {
        views.push(await this.#view(await this.find(id)));
      } catch (error) {
        this.#options.log.warn("model.unusable", { id, error });
      }
    }
    return views;
  }

  /**
   * Pace at this size; null before a section has been made, and for a window that is not the model's. With `cfg` above 1
   * each step runs the network twice.
   * @param device where it is made; that of the slowest when left out
   */
  measured(
    { model, widthPx, heightPx, cfg, windowLatentFrames }: SessionView["settings"],
    device?: Device,
  ): Pace | null {
    if (!this.#isUsualWindow(model, windowLatentFrames)) return null;
    const pace = this.#measurements(model, device ? [device.name] : this.#deviceNames())
      .find((measurement) => measurement.widthPx === widthPx && measurement.heightPx === heightPx);
    if (!pace) return null;
    return { secondsPerStep: pace.secondsPerStep * passesOf(cfg), secondsPerDecode: pace.secondsPerDecode };
  }

  /** Keeps what a session measured on a device, per pass of the network. */
  remember({ settings, timings }: SessionView, device: Device): void {
    const { model, widthPx, heightPx, cfg, windowLatentFrames } = settings;
    if (!this.#isUsualWindow(model, windowLatentFrames)) return;
    if (timings.secondsPerStep === null || timings.secondsPerDecode === null) return;
    const secondsPerStep = timings.secondsPerStep / passesOf(cfg);
    const { secondsPerDecode } = timings;
    this.#options.store.saveMeasurement(model, device.name, { widthPx, heightPx, secondsPerStep, secondsPerDecode });
  }

  async #read(id: string, dir: string): Promise<InstalledModel> {
    const manifest = await readManifest(dir);
    this.#windows.set(id, manifest.latentWindowFrames);
    return { id, dir, manifest };
  }

  #deviceNames(): string[] {
    return [...new Set(this.#options.devices.map(({ name }) => name))];
  }

  /** Of each size the one of the slowest device, so that nobody waits longer than was told. */
  #measurements(model: string, deviceNames: readonly string[]): Measurement[] {
    const all = deviceNames.flatMap((name) => this.#options.store.measurements(model, name));
    const bySize = Map.groupBy(all, ({ widthPx, heightPx }) => `${widthPx}x${heightPx}`);
    return [...bySize.values()].map((alike) => alike.reduce((a, b) => b.secondsPerStep > a.secondsPerStep ? b : a));
  }

  /** Where it is furthest. */
  #state(model: string): ModelView["state"] {
    const states = this.#options.devices.map((device) => device.stateOf(model));
    return (["ready", "loading"] as const).find((state) => states.includes(state)) ?? "cold";
  }

  #isUsualWindow(model: string, windowLatentFrames: number): boolean {
    return (this.#windows.get(model) ?? windowLatentFrames) === windowLatentFrames;
  }

  async #ids(): Promise<string[]> {
    const entries = await readdir(this.#options.modelsDir, { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => !entry.name.startsWith(".") && !entry.isFile()).map(({ name }) => name).sort();
  }

  async #view({ id, dir, manifest }: InstalledModel): Promise<ModelView> {
    const sizes = offeredSizes(manifest).map(({ widthPx, heightPx }) => ({ widthPx, heightPx }));
    return {
      id,
      name: manifest.name,
      isDefault: id === this.#options.defaultModel,
      state: this.#state(id),
      device: this.device,
      schedules: [...manifest.schedules],
      defaults: {
        schedule: manifest.defaultSchedule,
        steps: manifest.defaultSteps,
        guidance: manifest.defaultGuidance,
        cfg: manifest.defaultCfg,
        windowLatentFrames: manifest.latentWindowFrames,
        ...sizes[0]!,
      },
      sizes,
      framesPerSection: 4 * manifest.latentWindowFrames,
      frameRate: manifest.frameRate,
      measured: this.#measurements(id, this.#deviceNames()),
      loras: (await this.#loras.list(dir)).map(({ name, fault }) => ({ name, fault })),
      examples: manifest.examples.map((example) => ({
        ...example,
        image: `/examples/${id}/${example.image.replace(/^examples\//, "")}`,
      })),
      understands: manifest.understands && {
        ...manifest.understands,
        motions: [...manifest.understands.motions],
        together: [...manifest.understands.together],
        speeds: [...manifest.understands.speeds],
      },
    };
  }
}

const isLoopback = (host: string) => host === "localhost" || host === "::1" || host.startsWith("127.");

function passesOf(cfg: number): number {
  return cfg > 1 ? 2 : 1;
}
