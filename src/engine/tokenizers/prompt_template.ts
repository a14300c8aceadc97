/**
 * The text around the prompt that the LLaMA encoder of HunyuanVideo was trained with.
 * @module
 */

/** What stands before and after the prompt. */
export interface PromptTemplate {
  readonly before: string;
  readonly after: string;
}

/** @throws `TypeError` when the text does not hold the placeholder `{}` exactly once */
export function parsePromptTemplate(text: string): PromptTemplate {
  const parts = text.split("{}");
  const [before, after] = parts;
  if (before === undefined || after === undefined || parts.length !== 2) {
    throw new TypeError(`Cannot use the prompt template "${text}": it must hold "{}" exactly once`);
  }
  return { before, after };
}

/**
 * HunyuanVideo (arXiv 2412.03603), text encoder instruction; diffusers `DEFAULT_PROMPT_TEMPLATE`, FramePack
 * `encode_prompt_conds`. The five points really are joined without a space after the full stop.
 */
export const framePackTemplate: PromptTemplate = parsePromptTemplate(
  "<|start_header_id|>system<|end_header_id|>\n\n" +
    "Describe the video by detailing the following aspects: " +
    "1. The main content and theme of the video." +
    "2. The color, shape, size, texture, quantity, text, and spatial relationships of the objects." +
    "3. Actions, events, behaviors temporal relationships, physical movement changes of the objects." +
    "4. background environment, light, style and atmosphere." +
    "5. camera angles, movements, and transitions used in the video:<|eot_id|>" +
    "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>",
);
