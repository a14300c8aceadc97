import { fittingSize } from "./session_words.js";
import { startSession } from "./start_session.js";
import { picturesAgain } from "./use_again.js";

/**
 * Asks for a failed session once more, at the size that fits when its problem names one.
 * @returns the new session's view
 */
export async function tryAgain(view) {
  const { widthPx: _width, heightPx: _height, ...settings } = view.settings;
  const { widthPx, heightPx } = fittingSize(view.problem) ?? view.plan;
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== null);
  const fields = { ...Object.fromEntries(given), resolution: `${widthPx}x${heightPx}` };
  return await startSession({ ...await picturesAgain(view), name: "start", settings: fields }, () => {});
}
