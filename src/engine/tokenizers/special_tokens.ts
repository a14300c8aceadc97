/**
 * Special tokens as `tokenizer_config.json` names them.
 * @module
 */

/**
 * The text of a special token: `tokenizer_config.json` gives a string or an object with `content`.
 * @throws `TypeError` when the file does not name it
 */
export function specialTokenText(tokenizerConfig: Record<string, unknown>, field: string): string {
  const value = tokenizerConfig[field];
  const text = typeof value === "object" && value !== null ? (value as { content?: unknown }).content : value;
  if (typeof text !== "string") throw new TypeError(`tokenizer_config.json has no "${field}"`);
  return text;
}

/** @throws `TypeError` when the vocabulary does not hold the token */
export function specialTokenId(idOf: (text: string) => number | undefined, text: string): number {
  const id = idOf(text);
  if (id === undefined) throw new TypeError(`the vocabulary has no token "${text}"`);
  return id;
}
