/**
 * Rotations of the packed sequence (arXiv 2504.12626, "RoPE with random access"): each group of latents brings its own
 * frame indices; coarse groups take the mean of the cosines and sines of the places they cover.
 * FramePack `HunyuanVideoRotaryPosEmbed`, `center_down_sample_3d`. Pure.
 * @module
 */
import type { TransformerConfig } from "./transformer_config.ts";

export interface RotaryGroup {
  /** Frame index of each latent frame, in latent frames; any integers. */
  readonly frameIndices: readonly number[];
  /** How many neighbouring places one token covers on each axis: 1, 2 or 4. */
  readonly pooling: number;
}

/**
 * Cosines and sines, one per pair of channels, of the tokens of `groups` in order, then of `stillTokens` tokens that do not
 * turn (cos 1, sin 0): both `[tokens, headDim / 2]`. `rows` and `columns` count full-rate tokens.
 */
export function rotaryTable(
  { ropeAxes, ropeTheta, headDim }: Pick<TransformerConfig, "ropeAxes" | "ropeTheta" | "headDim">,
  groups: readonly RotaryGroup[],
  [rows, columns]: readonly [rows: number, columns: number],
  stillTokens: number,
): { readonly tokens: number; readonly cos: Float32Array<ArrayBuffer>; readonly sin: Float32Array<ArrayBuffer> } {
  const count = (size: number, pooling: number) => Math.ceil(size / pooling);
  const tokens = stillTokens + groups.reduce(
    (sum, { frameIndices, pooling: p }) => sum + count(frameIndices.length, p) * count(rows, p) * count(columns, p),
    0,
  );
  const width = headDim / 2;
  const cos = new Float32Array(tokens * width).fill(1);
  const sin = new Float32Array(tokens * width);
  let at = 0;
  for (const { frameIndices, pooling } of groups) {
    const positions = [frameIndices, range(rows), range(columns)];
    const [time, row, column] = positions.map((places, axis) =>
      pooledAxis(places, ropeAxes[axis]!, ropeTheta, pooling)
    ) as [
      AxisTable,
      AxisTable,
      AxisTable,
    ];
    for (const t of time) {
      for (const y of row) {
        for (const x of column) {
          cos.set(t.cos, at), cos.set(y.cos, at + t.cos.length), cos.set(x.cos, at + t.cos.length + y.cos.length);
          sin.set(t.sin, at), sin.set(y.sin, at + t.sin.length), sin.set(x.sin, at + t.sin.length + y.sin.length);
          at += width;
        }
      }
    }
  }
  return { tokens, cos, sin };
}

type AxisTable = readonly { readonly cos: Float32Array; readonly sin: Float32Array }[];

/** One axis: fₖ = theta^(−2k/channels); each entry the mean over `pooling` places, the last place repeated beyond the end. */
function pooledAxis(places: readonly number[], channels: number, theta: number, pooling: number): AxisTable {
  const frequencies = Array.from({ length: channels / 2 }, (_, k) => theta ** (-2 * k / channels));
  return Array.from({ length: Math.ceil(places.length / pooling) }, (_, token) => {
    const covered = Array.from(
      { length: pooling },
      (_, offset) => places[Math.min(token * pooling + offset, places.length - 1)]!,
    );
    const mean = (wave: (angle: number) => number) =>
      Float32Array.from(frequencies, (f) => covered.reduce((sum, place) => sum + wave(f * place), 0) / pooling);
    return { cos: mean(Math.cos), sin: mean(Math.sin) };
  });
}

const range = (length: number) => Array.from({ length }, (_, index) => index);
