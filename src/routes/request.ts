/**
 * What comes in over HTTP: forms, queries and headers → checked values. A refusal names the field and quotes the value.
 * @module
 */
import { z } from "zod";
import {
  demandOf,
  endStrengthChoice,
  generationSettings,
  loraChoices,
  type NewSession,
  Refusal,
  startChoice,
} from "../session/mod.ts";

/** Name of a channel: what can stand in an address without being written in another way. */
export const channelName = z.string().regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  "must be 1 to 64 letters, digits, - or _, and begin with a letter or digit",
);

/** Fields of `POST /api/sessions` beside the pictures. */
export const sessionForm = generationSettings.extend({
  model: z.string().min(1).max(4096).optional().describe(
    "Id of a model of `/api/models`, or, on a server for its own machine alone, the absolute path of a model folder. " +
      "Default: the server's.",
  ),
  loras: loraChoices.default([]),
  start: startChoice,
  endStrength: endStrengthChoice,
  keepRecipe: z.boolean().default(true).describe(
    "Whether prompt and settings are written into the file's comment tag.",
  ),
  channel: channelName.refine((name) => name !== "latest", "must not be latest, which is the channel of all sessions")
    .optional().describe(
      "The channel that shows this session and then the next: letters, digits, - and _. Default: none but `latest`.",
    ),
});

/** Body of `PATCH /api/sessions/{id}`. */
export const sessionChange = z.strictObject({
  prompt: generationSettings.shape.prompt.unwrap().describe("Of every section that is not in work yet."),
});

/** `?width=` of a frame. */
export const frameQuery = z.object({
  width: z.coerce.number().int().min(16).max(2048).default(192).describe("Pixels; never enlarged."),
});

/** JSON types of the form's fields, by name: what a text of the form has to be turned into. */
const fieldTypes = Object.fromEntries(
  Object.entries(z.toJSONSchema(sessionForm, { io: "input" }).properties ?? {}).map(([name, schema]) => {
    const { type, anyOf } = schema as { type?: string; anyOf?: { type?: string }[] };
    return [name, anyOf ? anyOf.map((option) => option.type) : [type]];
  }),
);

/** @throws `Refusal` naming what is wrong with a field */
export async function readSessionForm(form: FormData): Promise<NewSession> {
  const { image, endImage, ...fields } = groupFields(form);
  const values = Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, valueOf(name, text)]));
  const { model, loras, start, endStrength, keepRecipe, channel, ...settings } = check(sessionForm, values);
  const [imageBytes, endImageBytes] = await Promise.all([bytesOf(image), bytesOf(endImage)]);
  return { imageBytes, endImageBytes, start, endStrength, settings, model, loras, keepRecipe, channel };
}

/** Null for a field that is left out, empty, or no file. */
async function bytesOf(entry: FormDataEntryValue | undefined): Promise<Uint8Array | null> {
  return entry instanceof File && entry.size > 0 ? new Uint8Array(await entry.arrayBuffer()) : null;
}

/** @throws `Refusal` naming the parameter at fault */
export function check<Schema extends z.ZodType>(schema: Schema, values: unknown): z.output<Schema> {
  const parsed = schema.safeParse(values, { reportInput: true });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map(faultOf);
  const { detail: _first, ...members } = errors[0]!;
  throw new Refusal("invalid-request", errors.map(({ detail }) => detail).join("; "), { ...members, errors });
}

/** The id after which a reader wants to go on; 0 for all. Browsers send the header, tools may use `?lastEventId=`. */
export function lastEventId(request: Request): number {
  const text = request.headers.get("last-event-id") ?? new URL(request.url).searchParams.get("lastEventId") ?? "";
  if (text === "") return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Refusal("invalid-request", `Last-Event-ID must be a number of an event, got "${text.slice(0, 40)}"`, {
    field: "Last-Event-ID",
  });
}

/** The last part of a frame's address, such as `12.jpg`. @throws `Refusal` */
export function readFrameName(text: string): { readonly index: number; readonly type: "jpg" | "png" } {
  const [, index, type] = /^(\d{1,7})\.(jpg|png)$/.exec(text) ?? [];
  if (index !== undefined) return { index: Number(index), type: type as "jpg" | "png" };
  const detail = `A frame's address ends in its number and .jpg or .png, got "${text.slice(0, 40)}"`;
  throw new Refusal("invalid-request", detail, { field: "n" });
}

/** A path's channel name; each that can be one is one. @throws `Refusal` */
export function readChannelName(text: string): string {
  return check(z.object({ channel: channelName }), { channel: text }).channel;
}

/** The body of a request that is to be JSON. @throws `Refusal` */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "nothing";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Refusal("unsupported-media-type", `Send application/json, got ${type}`);
  }
  try {
    return await request.json();
  } catch (cause) {
    if (cause instanceof Error && cause.name === "BodyLimitError") throw cause;
    throw new Refusal("malformed-body", "The body is no JSON", {}, { cause });
  }
}

/** A path's section number. @throws `Refusal` */
export function sectionNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  const detail = `A section's address ends in its number, from 1 in making order, and .mp4, got "${text.slice(0, 40)}"`;
  throw new Refusal("invalid-request", detail, { field: "n" });
}

/** JSON Schema of everything that goes in or out, for the OpenAPI document. */
export function jsonSchemas(): Record<string, Record<string, unknown>> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    uri: (id) => `#/components/schemas/${id}`,
    io: "output",
    unrepresentable: "any",
  });
  const clean = ({ $schema: _dialect, $id: _id, ...schema }: Record<string, unknown>) => schema;
  return {
    ...Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, clean({ ...schema })])),
    NewSession: clean({ ...z.toJSONSchema(sessionForm, { io: "input" }) }),
  };
}

/** What may come in, as OpenAPI writes it. */
export function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}

/** Parameters of a query, each as OpenAPI writes it. */
export function queryParameters(schema: z.ZodObject) {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as { description?: string };
    return { name, in: "query", required: false, description, schema: rest };
  });
}

function groupFields(form: FormData): Record<string, FormDataEntryValue> {
  const fields: Record<string, FormDataEntryValue> = {};
  for (const [name, value] of form) {
    if (name in fields) {
      throw new Refusal("invalid-request", `The form has the field ${name} twice`, { field: name });
    }
    fields[name] = value;
  }
  return fields;
}

/** Text of the form → what the schema expects there. An empty field counts as left out, but for texts. */
function valueOf(name: string, entry: FormDataEntryValue): unknown {
  if (typeof entry !== "string") return entry.name;
  const types = fieldTypes[name] ?? ["string"];
  const text = entry.trim();
  const isNumber = types.includes("number") || types.includes("integer");
  if (isNumber && text === "") return undefined;
  if (isNumber && (!types.includes("string") || /^[\d.]+$/.test(text))) return Number(text);
  if (types.includes("array")) return text === "" ? undefined : jsonOf(text) ?? entry;
  if (types.includes("boolean")) return text === "" ? undefined : ({ true: true, false: false }[text] ?? entry);
  return types.includes("string") && !isTextOfItsOwn(name) && text === "" ? undefined : entry;
}

/** Undefined for a text that is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Fields where an empty text means an empty text. */
function isTextOfItsOwn(name: string): boolean {
  return name === "prompt" || name === "negativePrompt";
}

/** One sentence per fault: which field, what it must be, what it was. */
function faultOf(issue: z.core.$ZodIssue): { detail: string; field: string; value?: unknown } {
  if (issue.code === "unrecognized_keys") {
    return { detail: `There is no setting ${issue.keys.join(", ")}`, field: issue.keys[0]! };
  }
  const field = issue.path.join(".");
  const text = typeof issue.input === "object" ? JSON.stringify(issue.input) : String(issue.input);
  const value = text.length <= 60 ? text : `${text.slice(0, 57)}… (${text.length} characters)`;
  return {
    detail: `${field} ${demandOf(issue)}, got ${typeof issue.input === "string" ? `"${value}"` : value}`,
    field,
    value,
  };
}
