/**
 * Parts that many calls of the OpenAPI document share.
 * @module
 */

export const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
export const json = (schema: object, description: string) => ({
  description,
  content: { "application/json": { schema } },
});
export const problemAnswer = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: reference("Problem") } },
});
export const text = (type: string, description: string) => ({
  description,
  content: { [type]: { schema: { type: "string" } } },
});
export const binary = (type: string, description: string) => ({ description, content: { [type]: { schema: {} } } });
export const header = (description: string) => ({ description, schema: { type: "string" } });

export const pathParameter = (name: string, description: string, schema: object = { type: "string" }) => ({
  name,
  in: "path",
  required: true,
  description,
  schema,
});

export const idParameter = pathParameter(
  "id",
  "A session's id, or `latest`: the one that runs, of several the one begun first, else the newest that can be watched.",
);

export const notFound = { "404": problemAnswer("There is no such session") };
