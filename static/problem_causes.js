/**
 * Why the server refuses, in words: each problem of `src/session/problem.ts` with its status and its cause. A test holds
 * both lists equal.
 * @module
 */

/** Last part of a problem's `type` → `[status, cause]`. */
export const problemCauses = {
  "invalid-request": [422, "A setting is unknown, missing or out of its range. `field` names it."],
  "image-missing": [422, "The form has no file called `image`, and `start` asks for none of the plain ones."],
  "image-unreadable": [422, "The file is not a PNG, JPEG, WebP or AVIF picture, or it is cut off."],
  "image-too-small": [422, "A side of the picture has fewer than 16 pixels."],
  "image-too-large": [413, "The picture is larger than 20 MB or has more than 40 million pixels."],
  "body-too-large": [413, "The request as a whole is larger than the server reads."],
  "unsupported-media-type": [
    415,
    "Sessions are asked for as `multipart/form-data`, changed by `application/json`; offers are `application/sdp`.",
  ],
  "malformed-body": [400, "The form or its boundary is damaged."],
  "not-found": [404, "There is no session, frame or page at this address; it may have been deleted."],
  "method-not-allowed": [405, "The address exists, but not for this method."],
  "nothing-left": [
    409,
    "The prompt of a video cannot be changed any more: its last section is in work, or it has ended.",
  ],
  "no-video-yet": [409, "The file is there when the session has ended; one that was stopped in the queue has none."],
  "no-live-picture": [409, "The session has no frames to show: its live picture has been put away."],
  "range-not-satisfiable": [416, "The byte range begins after the end of the file."],
  "queue-full": [503, "As many videos are waiting as the server allows."],
  "too-many-viewers": [503, "As many people watch as the server allows, all together or from one address."],
  "shutting-down": [503, "The server is being stopped and takes no more work."],
  "offer-unreadable": [400, "The offer is not SDP, or it asks for something that cannot be answered."],
  "no-common-codec": [406, "The offer has neither VP8 nor H.264."],
  "encoder-failed": [500, "ffmpeg cannot encode the live picture. The file is not affected."],
  "foreign-host": [403, "The server was called by a name that it does not know as its own."],
  "foreign-origin": [403, "A page of another web site tried to change something here."],
  "model-missing": [422, "There is no folder for the model on this server. The README says how to get it."],
  "model-broken": [500, "A file of the model is missing, damaged or of the wrong shape."],
  "engine-lost": [
    500,
    "The process with the engine ended during the work: before a section was finished, or twice in the same one.",
  ],
  "gpu-missing": [500, "The GPU, its driver or a library that ONNX Runtime needs for it is not there."],
  "gpu-lost": [500, "The GPU failed during the work. The next video starts a new engine."],
  "inference-failed": [500, "ONNX Runtime refused to run a network."],
  "gpu-too-small": [
    422,
    "What may be taken of the GPU's memory is not enough for a video of this size. `missingBytes` says how much more it " +
    "would need, `fittingSize` which size fits.",
  ],
  "out-of-memory": [500, "The memory of the device was not enough. A smaller size needs less."],
  "disk-full": [507, "There is no space left for the frames or the file. What was made is kept."],
  "recording-failed": [500, "ffmpeg could not write the file."],
  "server-died": [
    500,
    "The server ended during the work, before a section was finished or twice at the same place. What was finished is kept.",
  ],
  "internal": [500, "Something nobody has foreseen. The server's log says more."],
};
