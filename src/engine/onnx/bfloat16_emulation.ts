/**
 * bfloat16 arithmetic on devices that have none: every result is computed in float32 and rounded, as an accelerator
 * does between operators. Slow; it exists to judge a bfloat16 graph where no such accelerator is at hand.
 * @module
 */
import type { GraphSpec, InitializerSpec, NodeSpec, ValueSpec } from "./model_proto.ts";
import { type DType, onnxElementType } from "./tensor.ts";

/** The same graph with float32 inputs, outputs and operators, rounded to bfloat16 wherever `spec` has bfloat16. */
export function emulateBfloat16(spec: GraphSpec): GraphSpec {
  const nodes: NodeSpec[] = [
    ...spec.inputs.filter(isBfloat16).flatMap(({ name }) => round(outside(name), name)),
    ...spec.initializers.filter(isBfloat16).map(({ name }) => cast(outside(name), name, "float32")),
    ...spec.nodes.flatMap(roundResults),
  ];
  const outsideName = <T extends ValueSpec | InitializerSpec>(value: T): T =>
    isBfloat16(value) ? { ...value, name: outside(value.name) } : value;
  return {
    name: spec.name,
    nodes: renameInputsBack(nodes, spec.inputs),
    initializers: spec.initializers.map(outsideName),
    inputs: spec.inputs.map(inFloat32),
    outputs: spec.outputs.map(inFloat32),
  };
}

const isBfloat16 = ({ dtype }: { readonly dtype: DType }) => dtype === "bfloat16";
const inFloat32 = (value: ValueSpec): ValueSpec => isBfloat16(value) ? { ...value, dtype: "float32" } : value;
const outside = (name: string) => `${name}:stored`;

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
  name: `round/${to}`,
  op: "Cast",
  inputs: [from],
  outputs: [to],
  outputDTypes: [dtype],
  attributes: { to: onnxElementType[dtype] },
});

/** Inputs keep their names towards the outside; inside, their rounded form is called `name:rounded`. */
function renameInputsBack(nodes: readonly NodeSpec[], inputs: readonly ValueSpec[]): NodeSpec[] {
  const names = new Map(
    inputs.filter(isBfloat16).flatMap(({ name }) => [[name, `${name}:rounded`], [outside(name), name]]),
  );
  const rename = (name: string) => names.get(name) ?? name;
  return nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));
}
