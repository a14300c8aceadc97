/**
 * Fetches one frame as a picture. An abort, and a frame that is not there, give null: the last picture stays up.
 * @param {AbortSignal} signal
 * @returns {Promise<ImageBitmap | null>}
 */
export async function fetchStill(url, signal) {
  try {
    const response = await fetch(url, { signal });
    return response.ok ? await createImageBitmap(await response.blob()) : null;
  } catch (error) {
    if (signal.aborted || error instanceof TypeError) return null;
    throw error;
  }
}
