/**
 * Networks without files: weights and inputs that follow from their names, and the summaries in which outputs of the
 * published code were recorded for them.
 * @module
 */
import assert from "node:assert/strict";
import { Graph } from "../src/engine/onnx/graph.ts";
import { Module } from "../src/engine/onnx/module.ts";
import { openRuntime } from "../src/engine/onnx/runtime.ts";
import type { Checkpoint } from "../src/engine/onnx/safetensors.ts";
import { elementCount, float32Tensor, type Tensor } from "../src/engine/onnx/tensor.ts";
import { tinyWeights, uniform } from "./tiny_model.ts";

/** A checkpoint of tensors by name and shape; their numbers follow from the names. */
export function tinyCheckpoint(shapes: Readonly<Record<string, readonly number[]>>): Checkpoint {
  return {
    get: (name) => {
      const shape = shapes[name];
      if (!shape) throw new Error(`The test has no tensor "${name}"`);
      return { name, dtype: "float32", shape, source: { bytes: new Uint8Array(tinyWeights(name, shape).buffer) } };
    },
    has: (name) => name in shapes,
    names: () => Object.keys(shapes),
    readFloat32: (name) => Promise.resolve(tinyWeights(name, shapes[name]!)),
    metadata: {},
  };
}

/** Weight and bias of layers by name, from the weights' shapes alone. */
export const withBiases = (weights: Readonly<Record<string, readonly number[]>>): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(weights).flatMap(([name, shape]) => [[`${name}.weight`, shape], [`${name}.bias`, [shape[0]!]]]),
  );

/** An input that follows from its name, standard deviation 1. */
export function tinyInput(id: string, shape: readonly number[]): Tensor<"float32"> {
  const next = uniform(`input.${id}`);
  return float32Tensor(shape, Float32Array.from({ length: elementCount(shape) }, () => next() * Math.sqrt(3)));
}

/** Builds a graph, runs it once on the CPU and gives its outputs. */
export async function runOnce(
  checkpoint: Checkpoint,
  build: (m: Module, graph: Graph) => void,
  inputs: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const graph = new Graph("test");
  build(new Module(graph, checkpoint), graph);
  using runtime = openRuntime();
  using executable = await runtime.compile(graph.build(), {
    device: { kind: "cpu" },
    weights: "resident",
    idleThreads: "sleep",
  });
  return await executable.run(inputs);
}

/** What was recorded of an output: population values, and the numbers at flat indices floor(N k / 8). */
export interface Summary {
  readonly mean: number;
  readonly std: number;
  readonly max: number;
  readonly values: readonly number[];
}

/** Fails when a recorded number, given to six places, is not met. */
export function assertSummary(data: Float32Array, expected: Summary): void {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const values = expected.values.map((_, k) => data[Math.floor(data.length * k / 8)]!);
  const max = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const actual = [mean, Math.sqrt(variance), max, ...values];
  for (const [index, number] of [expected.mean, expected.std, expected.max, ...expected.values].entries()) {
    assert.ok(Math.abs(actual[index]! - number) < 1e-5, `number ${index} is ${actual[index]}, recorded ${number}`);
  }
}
