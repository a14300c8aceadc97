/**
 * Where the parts of a model come from: the published repositories, any other repository, or files that are already here.
 * @module
 */
import { basename } from "node:path";
import { type PartName, partNames } from "../engine/mod.ts";
import { HubError } from "./errors.ts";

/** A folder or a `.safetensors` file. */
export type PartSource = HubSource | { readonly kind: "local"; readonly path: string };

export interface HubSource {
  readonly kind: "hub";
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Folder or file in the repository; empty for its root. */
  readonly path: string;
}

export interface ModelRecipe {
  /** Name of the folder that is made. */
  readonly name: string;
  readonly sources: Readonly<Record<PartName, PartSource>>;
  /** Where `config.json` comes from when a source is a file alone. */
  readonly published: Readonly<Record<PartName, HubSource>>;
  /** Order of sections the transformer was trained for. */
  readonly schedule: "inverted" | "forward";
}

/** FramePack as published. Both transformers use the encoders and the autoencoder of HunyuanVideo, and Flux Redux's SigLIP. */
const published = {
  "framepack-i2v": { transformer: "lllyasviel/FramePackI2V_HY", schedule: "inverted" },
  "framepack-f1": { transformer: "lllyasviel/FramePack_F1_I2V_HY_20250503", schedule: "forward" },
} as const;
const hunyuanVideo = "hunyuanvideo-community/HunyuanVideo";
const fluxRedux = "lllyasviel/flux_redux_bfl";

export type PublishedName = keyof typeof published;
export const publishedNames = Object.keys(published) as PublishedName[];

export interface RecipeOptions {
  /** Parts that come from elsewhere. */
  readonly sources?: Partial<Record<PartName, PartSource>>;
  /** Where everything else comes from; left out, the name itself says it. */
  readonly like?: string | undefined;
}

/** @throws `HubError` when the name is not a published one and nothing else says where the transformer is */
export function recipeFor(name: string, { sources = {}, like }: RecipeOptions = {}): ModelRecipe {
  if (!/^[\w-][\w.-]*$/.test(name)) {
    throw new HubError("request", `Cannot make a model "${name}": a name has letters, digits, ".", "-" and "_"`);
  }
  if (name === "emoji") throw new HubError("request", 'The model "emoji" comes with framecast and is not pulled');
  const base = like ?? (isPublished(name) ? name : sources.transformer ? publishedNames[0]! : name);
  if (!isPublished(base)) {
    const known = publishedNames.join(" and ");
    throw new HubError("request", `There is no published model "${base}", only ${known}; --transformer names another`);
  }
  const { transformer, schedule } = published[base];
  const parts = Object.fromEntries(partNames.map((part): [PartName, HubSource] => {
    const isVision = part === "image_encoder" || part === "feature_extractor";
    const repo = part === "transformer" ? transformer : isVision ? fluxRedux : hunyuanVideo;
    return [part, { kind: "hub", repo, revision: "main", path: part === "transformer" ? "" : part }];
  })) as Record<PartName, HubSource>;
  return { name, schedule, published: parts, sources: { ...parts, ...sources } };
}

const isPublished = (name: string): name is PublishedName => Object.hasOwn(published, name);

/**
 * Reads `hf://OWNER/NAME[@REVISION][/PATH]`, as huggingface_hub's file system writes addresses, or a path.
 * @param resolve makes a path absolute
 * @throws `HubError`
 */
export function parseSource(text: string, resolve: (path: string) => string): PartSource {
  if (!text.startsWith("hf://")) return { kind: "local", path: resolve(text) };
  const segment = "(?!\\.{1,2}(?:/|$))[\\w.-]+";
  const pattern = new RegExp(`^hf://(${segment}/${segment})(?:@([\\w.-]+))?((?:/${segment})*)/?$`);
  const [, repo, revision = "main", path = ""] = pattern.exec(text) ?? [];
  if (!repo) throw new HubError("request", `Cannot read "${text}": it must be hf://OWNER/NAME[@REVISION][/PATH]`);
  return { kind: "hub", repo, revision, path: path.slice(1) };
}

/** A source as people write it. */
export function nameOfSource(source: PartSource): string {
  if (source.kind === "local") return source.path;
  const revision = source.revision === "main" ? "" : `@${source.revision}`;
  return `hf://${source.repo}${revision}${source.path && `/${source.path}`}`;
}

/** The source's folder and, when it is a file, the file's name. */
export function folderAndFile(source: PartSource, isFile: boolean): { folder: string; file: string | null } {
  if (!isFile) return { folder: source.path, file: null };
  const file = basename(source.path);
  return { folder: source.path.slice(0, -file.length).replace(/[\\/]$/, ""), file };
}
