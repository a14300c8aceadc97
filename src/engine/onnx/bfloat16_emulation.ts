/**
 * bfloat16 arithmetic on devices that have none: every result is computed in float32 and rounded, as an accelerator
 * does between operators. Slow; it exists to judge a bfloat16 graph where no such accelerator is at hand.
 * @module
 */
import type { GraphSpec, InitializerSpec, NodeSpec, ValueSpec } from "./model_proto.ts";
import { type DType, onnxElementType } from "./tensor.ts";

/** The same graph with the same inputs, weights and outputs; inside, float32 rounded to bfloat16 wherever `spec` has it. */
export function emulateBfloat16(spec: GraphSpec): GraphSpec {
  const given = [...spec.inputs, ...spec.initializers].filter(isBfloat16);
  const outputs = spec.outputs.filter(isBfloat16);
  return {
    name: spec.name,
    nodes: [
      ...given.map(({ name }) => cast(name, inside(name), "float32")),
      ...spec.nodes.flatMap(roundResults).map((node) => renamed(node, [...given, ...outputs])),
      ...outputs.map(({ name }) => cast(inside(name), name, "bfloat16")),
    ],
    initializers: spec.initializers,
    inputs: spec.inputs,
    outputs: spec.outputs,
  };
}

const isBfloat16 = ({ dtype }: ValueSpec | InitializerSpec) => dtype === "bfloat16";

/** What a value that crosses the graph's border in bfloat16 is called where it is float32. */
const inside = (name: string) => `${name}:float32`;

/** An operator whose results are bfloat16: computed as they are, then rounded. */
function roundResults(node: NodeSpec): NodeSpec[] {
  const results = node.outputDTypes.map((dtype, at) => ({ name: node.outputs[at]!, isRounded: dtype === "bfloat16" }));
  if (!results.some(({ isRounded }) => isRounded)) return [node];
  const attributes = node.op === "Cast" ? { to: onnxElementType.float32 } : node.attributes;
  const outputs = results.map(({ name, isRounded }) => isRounded ? exact(name) : name);
  return [
    { ...node, attributes, outputs },
    ...results.filter(({ isRounded }) => isRounded).flatMap(({ name }) => round(exact(name), name)),
  ];
}

const exact = (name: string) => `${name}:exact`;

function round(from: string, to: string): NodeSpec[] {
  return [cast(from, `${to}:bfloat16`, "bfloat16"), cast(`${to}:bfloat16`, to, "float32")];
}

const cast = (from: string, to: string, dtype: DType): NodeSpec => ({
  name: `round/${from}/${to}`,
  op: "Cast",
  inputs: [from],
  outputs: [to],
  outputDTypes: [dtype],
  attributes: { to: onnxElementType[dtype] },
});

function renamed(node: NodeSpec, border: readonly { readonly name: string }[]): NodeSpec {
  const names = new Set(border.map(({ name }) => name));
  const rename = (name: string) => names.has(name) ? inside(name) : name;
  return { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}
