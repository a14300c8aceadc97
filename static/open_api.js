/**
 * Reads the parts of an OpenAPI 3.1 document that the API page shows. Pure: no DOM.
 * @module
 */

const methods = ["get", "post", "delete", "put", "patch", "options"];

/** Every call, in the document's order: `{ method, path, does }`. */
export function callsOf(openApi) {
  return Object.entries(openApi.paths ?? {}).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => ({
      method: method.toUpperCase(),
      path,
      does: [item[method].summary, item[method].description].filter(Boolean).map(sentence).join(" "),
    }))
  );
}

/** The fields of the form of `POST /api/sessions`: `{ name, values, is }`, the pictures first. */
export function settingsOf(openApi) {
  const body = resolve(openApi, openApi.paths?.["/api/sessions"]?.post?.requestBody);
  const parts = objectsIn(openApi, body?.content?.["multipart/form-data"]?.schema);
  const fields = parts.flatMap((part) => Object.entries(part.properties ?? {})).map(([name, property]) => {
    const schema = resolve(openApi, property);
    return { name, values: valuesOf(openApi, schema), is: schema.description ?? "" };
  });
  const isFile = ({ values }) => Number(values === aFile);
  return fields.sort((a, b) => isFile(b) - isFile(a));
}

/** The object schemas that a schema puts together. */
function objectsIn(openApi, schema) {
  const resolved = resolve(openApi, schema) ?? {};
  return resolved.allOf ? resolved.allOf.flatMap((part) => objectsIn(openApi, part)) : [resolved];
}

const aFile = "a file";

/** `1 to 120, default 5` · `inverted or forward` · `a file` */
function valuesOf(openApi, schema) {
  const says = [kindOf(openApi, schema)];
  const usual = String(schema.default ?? ""); // empty for an empty list, too
  if (usual !== "") says.push(`default ${usual}`);
  return says.filter(Boolean).join(", ");
}

function kindOf(openApi, schema) {
  if (schema.enum) return schema.enum.join(" or ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((each) => kindOf(openApi, resolve(openApi, each))).join(" or ");
  if (schema.format === "binary" || schema.contentMediaType) return aFile;
  if (schema.type === "array") return `a list of up to ${schema.maxItems}`;
  if (schema.type === "boolean") return "true or false";
  if (schema.type === "string") return schema.maxLength ? `text up to ${schema.maxLength} characters` : "text";
  return rangeOf(schema);
}

function rangeOf({ type, minimum, maximum }) {
  const noun = type === "integer" ? "whole number" : "number";
  if (minimum === undefined && maximum === undefined) return noun;
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) return `${noun} from ${minimum}`;
  return `${minimum} to ${maximum}`;
}

function resolve(openApi, value) {
  if (!value?.$ref) return value;
  return value.$ref.replace(/^#\//, "").split("/").reduce((at, key) => at?.[key], openApi);
}

function sentence(text) {
  return /[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;
}
