/**
 * The pictures a new session is made with: sent, or plain where it starts from words alone.
 * @module
 */
import {
  type GenerationSettings,
  type Manifest,
  plainPicture,
  requireEndPossible,
  type ResolvedSettings,
  resolveSettings,
  type StartChoice,
} from "../engine/mod.ts";
import { decodeImage, encodePng, ImageError } from "../image.ts";
import type { RgbImage } from "../video.ts";
import { Refusal } from "./errors.ts";
import { imageProblemKinds } from "./problem.ts";

/** Picture files as they came in. */
export interface SentPictures {
  readonly start: StartChoice;
  /** Null where none was sent. */
  readonly imageBytes: Uint8Array | null;
  /** The frame to end with; null where none was sent. */
  readonly endImageBytes: Uint8Array | null;
  readonly endStrength?: number | undefined;
}

/** What an order is made with, every default filled in. */
export interface OrderPictures {
  readonly resolved: ResolvedSettings;
  readonly start: { readonly image: RgbImage; readonly bytes: Uint8Array };
  readonly end: { readonly bytes: Uint8Array; readonly strength: number } | null;
}

/** @throws `Refusal`, `ImageError` of the start picture, `RequestError` */
export async function picturesOfOrder(
  settings: GenerationSettings,
  { start, imageBytes, endImageBytes, endStrength }: SentPictures,
  manifest: Manifest,
  drawnSeed: number,
): Promise<OrderPictures> {
  if (endImageBytes === null && endStrength !== undefined) {
    const detail = `endStrength is ${endStrength}, but there is no end picture in the field endImage`;
    throw new Refusal("invalid-request", detail, { field: "endStrength", value: endStrength });
  }
  const sent = await sentStart(start, imageBytes);
  const resolved = resolveSettings(settings, manifest, sent?.image ?? square, drawnSeed);
  if (endImageBytes !== null) {
    requireEndPossible(resolved);
    await requirePicture(endImageBytes, "endImage");
  }
  return {
    resolved,
    start: sent ?? await plainStart(start, resolved),
    end: endImageBytes && { bytes: endImageBytes, strength: endStrength ?? 1 },
  };
}

/** Shape that a size is chosen for where no picture has one. */
const square = { widthPx: 1, heightPx: 1 };

async function sentStart(start: StartChoice, bytes: Uint8Array | null): Promise<OrderPictures["start"] | null> {
  if (start === "picture") {
    if (bytes !== null) return { image: await decodeImage(bytes), bytes };
    const detail =
      "The form has no picture in its field image; to start from words alone, set start to black, white, " +
      "green or noise";
    throw new Refusal("image-missing", detail, { field: "image" });
  }
  if (bytes === null) return null;
  const detail = `start is "${start}", but the form has a picture in its field image, too: leave one of them out`;
  throw new Refusal("invalid-request", detail, { field: "start", value: start });
}

async function plainStart(start: StartChoice, resolved: ResolvedSettings): Promise<OrderPictures["start"]> {
  if (start === "picture") throw new TypeError("A picture that was sent is not plain");
  const image = plainPicture(start, resolved);
  return { image, bytes: await encodePng(image) };
}

async function requirePicture(bytes: Uint8Array, field: string): Promise<void> {
  try {
    await decodeImage(bytes);
  } catch (cause) {
    if (!(cause instanceof ImageError)) throw cause;
    throw new Refusal(imageProblemKinds[cause.reason], cause.message, { field }, { cause });
  }
}
