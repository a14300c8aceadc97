/**
 * Writes ONNX models (onnx/onnx.proto, IR version 10). Only what a graph with named weights needs; each function is one
 * message of the schema, each line one field with its number.
 * @module
 */
import { type DType, onnxElementType } from "./tensor.ts";

/** A size known while building, or the name of one known only at run time. */
export type Dim = number | string;

export type Attribute = number | string | { readonly float: number } | readonly number[] | readonly string[];

export interface NodeSpec {
  readonly name: string;
  readonly op: string;
  readonly domain?: string | undefined;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Of each output; not written, ONNX infers them. */
  readonly outputDTypes: readonly DType[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface ValueSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** A weight: bytes kept inside the model, or a place in a file (absolute path, byte offset). */
export interface InitializerSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly source:
    | { readonly bytes: Uint8Array }
    | { readonly file: string; readonly offsetBytes: number; readonly lengthBytes: number };
}

export interface GraphSpec {
  readonly name: string;
  readonly nodes: readonly NodeSpec[];
  readonly initializers: readonly InitializerSpec[];
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
}

const irVersion = 10;
/** 23 brings Attention, RotaryEmbedding and RMSNormalization; ONNX Runtime 1.30 takes up to 26. */
const newestOpset = 23;

/** ModelProto. @param opset version of the standard operators; an older one where only that has a kernel */
export function encodeModel(graph: GraphSpec, opset: number = newestOpset): Uint8Array<ArrayBuffer> {
  return message(
    int(1, irVersion),
    text(2, "framecast"), // producer_name
    bytes(7, encodeGraph(graph)),
    bytes(8, operatorSet("", opset)),
    bytes(8, operatorSet("com.microsoft", 1)),
  );
}

/** OperatorSetIdProto */
const operatorSet = (domain: string, version: number) => message(text(1, domain), int(2, version));

/** GraphProto */
const encodeGraph = (graph: GraphSpec) =>
  message(
    ...graph.nodes.map((node) => bytes(1, encodeNode(node))),
    text(2, graph.name),
    ...graph.initializers.map((tensor) => bytes(5, encodeInitializer(tensor))),
    ...graph.inputs.map((value) => bytes(11, encodeValue(value))),
    ...graph.outputs.map((value) => bytes(12, encodeValue(value))),
  );

/** NodeProto */
const encodeNode = (node: NodeSpec) =>
  message(
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(3, node.name),
    text(4, node.op),
    ...Object.entries(node.attributes).map(([name, value]) => bytes(5, encodeAttribute(name, value))),
    ...(node.domain ? [text(7, node.domain)] : []),
  );

/** AttributeProto; field 20 is the type that tells which value field counts. */
function encodeAttribute(name: string, value: Attribute): Uint8Array {
  const named = text(1, name);
  if (typeof value === "number") return message(named, int(3, value), int(20, 2));
  if (typeof value === "string") return message(named, text(4, value), int(20, 3));
  if ("float" in value) return message(named, float(2, value.float), int(20, 1));
  if (value.every((item) => typeof item === "string")) {
    return message(named, ...value.map((item) => text(9, item)), int(20, 8));
  }
  return message(named, ...value.map((item) => int(8, item as number)), int(20, 7));
}

/** TensorProto */
const encodeInitializer = ({ name, dtype, shape, source }: InitializerSpec) =>
  message(
    ...shape.map((dim) => int(1, dim)),
    int(2, onnxElementType[dtype]),
    text(8, name),
    ..."bytes" in source ? [bytes(9, source.bytes)] : [
      bytes(13, stringPair("location", source.file.replace(/^\/+/, ""))),
      bytes(13, stringPair("offset", `${source.offsetBytes}`)),
      bytes(13, stringPair("length", `${source.lengthBytes}`)),
      int(14, 1), // data_location EXTERNAL
    ],
  );

/** StringStringEntryProto */
const stringPair = (key: string, value: string) => message(text(1, key), text(2, value));

/** ValueInfoProto → TypeProto → Tensor → TensorShapeProto → Dimension */
const encodeValue = ({ name, dtype, shape }: ValueSpec) =>
  message(
    text(1, name),
    bytes(
      2,
      message(bytes(
        1,
        message(
          int(1, onnxElementType[dtype]),
          bytes(2, message(...shape.map((dim) => bytes(1, typeof dim === "number" ? int(1, dim) : text(2, dim))))),
        ),
      )),
    ),
  );

// Protocol Buffers wire format: key = field number << 3 | wire type (0 varint, 2 length-delimited, 5 fixed 32-bit).

function message(...fields: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(fields.reduce((size, field) => size + field.length, 0));
  let at = 0;
  for (const field of fields) {
    out.set(field, at);
    at += field.length;
  }
  return out;
}

const int = (field: number, value: number) => Uint8Array.from([...varint(field << 3), ...varint(value)]);

const bytes = (field: number, value: Uint8Array) =>
  message(Uint8Array.from([...varint(field << 3 | 2), ...varint(value.length)]), value);

const utf8 = new TextEncoder();
const text = (field: number, value: string) => bytes(field, utf8.encode(value));

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = field << 3 | 5;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

/** Seven bits a byte, lowest first; a negative number is its 64-bit two's complement. */
function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return out;
}
