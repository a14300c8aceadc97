import { CheckpointError } from "./errors.ts";

/**
 * The JSON object in a file of a model folder, such as `config.json`.
 * @throws `CheckpointError` when the file is missing, is not JSON or holds something else than an object
 */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new CheckpointError(`Cannot read "${path}": ${why}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`Cannot read "${path}": it is not valid JSON`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CheckpointError(`Cannot read "${path}": it does not hold a JSON object`);
  }
  return value as Record<string, unknown>;
}

/**
 * A configuration in a file of a model folder.
 * @param parse gives the parts that matter, or throws what is wrong with them
 * @throws `CheckpointError` naming the file and, where `parse` is a zod schema's, the key
 */
export async function readConfig<T>(path: string, parse: (json: unknown) => T): Promise<T> {
  const json = await readJsonObject(path);
  try {
    return parse(json);
  } catch (cause) {
    const [issue] = (cause as { readonly issues?: readonly Issue[] }).issues ?? [];
    const why = issue ? `${issue.path.join(".")}: ${issue.message}` : (cause as Error).message;
    throw new CheckpointError(`Cannot use "${path}": ${why}`, { cause });
  }
}

/** What zod reports per key. */
interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}
