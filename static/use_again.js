import { call } from "./api.js";
import { sizeKey } from "./plan.js";

/** What stands in the form when nobody has changed it. */
const usual = {
  ...{ cfg: 1, cfgRescale: 0, negativePrompt: "", teaCacheThreshold: 0, windowLatentFrames: 9 },
  ...{ start: "picture", endStrength: null },
};

/** The settings of a session as changes of the form's. */
export function settingsAgain({ loras = [], promptChanges = [], ...settings }) {
  const { model, seed, steps, guidance, shift, previews, keepRecipe } = settings;
  const changes = { model, seed, steps, guidance, previews, keepRecipe, size: sizeKey(settings) };
  for (const [name, value] of Object.entries(usual)) {
    if ((settings[name] ?? value) !== value) changes[name] = settings[name];
  }
  if (shift !== undefined) changes.shift = shift;
  if (loras.length > 0) changes.loras = loras;
  if (promptChanges.length > 0) changes.promptChanges = promptChanges;
  return changes;
}

/** The pictures of a session as they were sent: `{ image, endImage }`, each null where there was none. */
export async function picturesAgain({ settings, links }) {
  const blobOf = async (address) => await (await call(address)).blob();
  const hasImage = (settings.start ?? "picture") === "picture";
  const [image, endImage] = await Promise.all([
    hasImage ? blobOf(links.image) : null,
    links.endImage ? blobOf(links.endImage) : null,
  ]);
  return { image, endImage };
}
