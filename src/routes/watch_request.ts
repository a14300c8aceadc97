/**
 * How somebody wants to watch: queries of an offer and of a stream, and the body that chooses another view.
 * @module
 */
import { z } from "zod";
import { channelEnds, codecs, views, waits } from "../session/mod.ts";

const choice = {
  view: z.enum(views).optional().describe(
    "What the picture shows. `arrival`: the newest section at once. `growing`: everything so far, again and again. " +
      "`timeline`: the whole length, gaps included. `edge`: every frame once, in order. Default: `arrival`, for a " +
      "session with schedule forward `edge`.",
  ),
  wait: z.enum(waits).optional().describe(
    "What the picture does while it waits for frames. Default: `hold` with view `edge`, else `loop`.",
  ),
  previews: z.enum(["shown", "hidden"]).default("shown").describe(
    "Whether moving estimates of the section in work are shown.",
  ),
};
const codec = { codec: z.enum(codecs).optional().describe("Only this codec. Default: the best both sides know.") };
const end = {
  end: z.enum(channelEnds).default("once").describe(
    "What comes after a video has been shown to its end: the slate, the video again and again, or its last frame.",
  ),
};

/** What somebody chose to see, as far as they did. */
export type AskedChoice = z.output<typeof streamQuery>;

/** Of a WHEP offer to a session. */
export const watchQuery = z.object({ ...choice, ...codec });
/** Of a WHEP offer to a channel. */
export const channelWatchQuery = z.object({ ...choice, ...end, ...codec });
/** Of a session's transport stream. */
export const streamQuery = z.object(choice);
/** Of a channel's transport stream. */
export const channelStreamQuery = z.object({ ...choice, ...end });

/** Body that chooses another view. */
export const viewChoice = z.strictObject({ ...choice, view: z.enum(views).describe("What the picture shows.") })
  .meta({ id: "ViewChoice" });
