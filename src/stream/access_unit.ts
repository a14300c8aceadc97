/**
 * One encoded picture.
 * @module
 */
export type Codec = "vp8" | "h264";

export interface AccessUnit {
  /** Counted from 0 in the order the raw frames went into the encoder. */
  readonly frameNumber: number;
  readonly isKeyFrame: boolean;
  /** VP8: one frame (RFC 6386). H.264: NAL units, each after its length in four bytes (ISO/IEC 14496-15, 5.3.4.2). */
  readonly data: Uint8Array;
  /** H.264 only: the parameter sets that key frames need, an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). */
  readonly configuration?: Uint8Array;
}
