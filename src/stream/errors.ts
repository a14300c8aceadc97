/**
 * What can go wrong between frames and viewers, one class per boundary.
 * @module
 */

/** A viewer's SDP offer cannot be answered. */
export class OfferError extends Error {
  override readonly name = "OfferError";
  constructor(readonly reason: "unreadable" | "noCommonCodec", message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** There is no room for one viewer more, on the whole or from this address. */
export class ViewerLimitError extends Error {
  override readonly name = "ViewerLimitError";
  /** When somebody may have left. */
  readonly retryAfterSeconds = 15;
  constructor(readonly limit: "viewers" | "viewersPerAddress", message: string) {
    super(message);
  }
}

/** ffmpeg cannot be started as an encoder, or keeps ending. The message holds the end of what it printed. */
export class EncoderError extends Error {
  override readonly name = "EncoderError";
}

/** The frames on disk cannot be written or read. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** The MP4 cannot be made. The frames it was to be made of are still in the store. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}
