import { call } from "./api.js";
import { fittingSize } from "./session_words.js";
import { startSession } from "./start_session.js";

/**
 * Asks for a failed session once more, at the size that fits when its problem names one.
 * @returns the new session's view
 */
export async function tryAgain(view) {
  const { widthPx: _width, heightPx: _height, ...settings } = view.settings;
  const { widthPx, heightPx } = fittingSize(view.problem) ?? view.plan;
  const image = await (await call(view.links.image)).blob();
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const fields = { ...Object.fromEntries(given), resolution: `${widthPx}x${heightPx}` };
  return await startSession({ image, name: "start", settings: fields }, () => {});
}
