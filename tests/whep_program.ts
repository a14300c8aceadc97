/**
 * WHEP clients that are Python programs: what they are asked to do and what they tell.
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { codeOfCells } from "./block_code.js";

const python = "/usr/bin/python3";

/** What one client saw, in its order. */
export interface Watched {
  readonly postStatus: number;
  readonly deleteStatus: number;
  /** From the offer to the first decoded picture. */
  readonly firstFrameSeconds: number;
  readonly pictures: readonly WatchedPicture[];
  /** Answer to choosing another view, when it did. */
  readonly choiceStatus: number | undefined;
  /** What came over the data channel. */
  readonly messages: readonly Message[];
}

export interface WatchedPicture {
  readonly rtpTimestamp: number;
  /** Null where the picture carries no code, as a slate. */
  readonly code: { readonly frame: number; readonly state: string; readonly section: number } | null;
}

export interface Message {
  readonly id?: number;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Whether a Python program with these imports would run here. */
export async function canImport(imports: string): Promise<boolean> {
  try {
    return (await new Deno.Command(python, { args: ["-c", imports], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** @param args after the program's name: URL, frames, codec and what else it takes */
export async function watchWith(program: string, ...args: readonly string[]): Promise<Watched> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(python, { args: ["-B", path, ...args] }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const facts = new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  const first = (name: string) => facts.find((fact) => name in fact);
  return {
    postStatus: first("firstFrameSeconds").status,
    deleteStatus: first("deleteStatus").deleteStatus,
    firstFrameSeconds: first("firstFrameSeconds").firstFrameSeconds,
    choiceStatus: first("choiceStatus")?.choiceStatus,
    messages: facts.filter((fact) => "message" in fact).map(({ message }) => message),
    pictures: facts.filter((fact) => "cells" in fact)
      .map(({ rtpTimestamp, cells }) => ({ rtpTimestamp, code: codeOfCells(cells) })),
  };
}
