/**
 * Watching, as the OpenAPI document tells it: the same calls for a session and for a channel.
 * @module
 */
import {
  binary,
  header,
  idParameter,
  json,
  notFound,
  pathParameter,
  problemAnswer,
  reference,
  text,
} from "./openapi_answers.ts";
import { channelName, jsonSchemaOf, queryParameters } from "./request.ts";
import { channelStreamQuery, channelWatchQuery, streamQuery, watchQuery } from "./watch_request.ts";

/** What is watched: where it lies and what its calls are called. */
interface Watched {
  readonly path: string;
  readonly parameter: object;
  readonly noun: "Session" | "Channel";
  readonly watch: ReturnType<typeof queryParameters>;
  readonly stream: ReturnType<typeof queryParameters>;
  readonly absent: object;
}

const limit = { "503": { ...problemAnswer("Too many are watching"), headers: { "Retry-After": header("Seconds") } } };
const nothing = { "409": problemAnswer("It ended without a frame, so there is nothing to watch") };

function watchPathsOf({ path, parameter, noun, watch, stream, absent }: Watched) {
  const viewer = pathParameter("viewer", "Last part of the `Location` that the offer was answered with.");
  const noViewer = { "404": problemAnswer("There is no such viewer (any more)") };
  return {
    [`${path}/whep`]: {
      parameters: [parameter],
      post: {
        operationId: `watch${noun}`,
        summary: "WHEP: watch the live picture",
        parameters: watch,
        requestBody: { required: true, content: { "application/sdp": { schema: { type: "string" } } } },
        responses: {
          "201": {
            ...text("application/sdp", "The answer, with all candidates"),
            headers: {
              Location: header("DELETE it to leave"),
              Link: header('STUN and TURN servers, `rel="ice-server"` (RFC 9725, section 4.6)'),
            },
          },
          "400": problemAnswer("The offer cannot be read"),
          "406": problemAnswer("No common codec"),
          "413": problemAnswer("The offer is larger than 64 KiB"),
          "415": problemAnswer("Not application/sdp"),
          "422": problemAnswer("There is no such view or codec; `field` names the parameter"),
          ...limit,
          ...absent,
        },
      },
    },
    [`${path}/whep/{viewer}`]: {
      parameters: [parameter, viewer],
      delete: {
        operationId: `leave${noun}`,
        summary: "Stop watching",
        responses: { "200": { description: "Left" }, ...noViewer },
      },
    },
    [`${path}/whep/{viewer}/view`]: {
      parameters: [parameter, viewer],
      put: {
        operationId: `chooseViewOf${noun}`,
        summary: "Another view on the same connection, without a gap",
        requestBody: { required: true, content: { "application/json": { schema: reference("ViewChoice") } } },
        responses: {
          "204": { description: "It is shown from the next key frame on" },
          "400": problemAnswer("Not JSON"),
          "415": problemAnswer("Not application/json"),
          "422": problemAnswer("There is no such view; `field` names what is wrong"),
          ...noViewer,
        },
      },
    },
    [`${path}/live.ts`]: {
      parameters: [parameter],
      get: {
        operationId: `stream${noun}`,
        summary: "The live picture as an endless MPEG transport stream with H.264, for players such as OBS and VLC",
        parameters: stream,
        responses: {
          "200": binary("video/mp2t", "From a key frame on, until the reader leaves"),
          "422": problemAnswer("There is no such view; `field` names the parameter"),
          ...limit,
          ...absent,
        },
      },
    },
  };
}

const channelParameter = pathParameter(
  "name",
  "Any name is a channel: that of all sessions started with it. `latest` is the channel of all sessions.",
  jsonSchemaOf(channelName),
);
const badName = { "422": problemAnswer("That cannot be the name of a channel") };

export const watchPaths = {
  ...watchPathsOf({
    path: "/api/sessions/{id}",
    parameter: idParameter,
    noun: "Session",
    watch: queryParameters(watchQuery),
    stream: queryParameters(streamQuery),
    absent: { ...notFound, ...nothing },
  }),
  "/api/channels": {
    get: {
      operationId: "listChannels",
      summary: "`latest`, the channels with sessions, and those that are watched",
      responses: { "200": json({ type: "array", items: reference("Channel") }, "Channels") },
    },
  },
  "/api/channels/{name}": {
    parameters: [channelParameter],
    get: {
      operationId: "getChannel",
      summary: "What a channel shows",
      responses: { "200": json(reference("Channel"), "Its view"), ...badName },
    },
  },
  "/api/channels/{name}/events": {
    parameters: [channelParameter],
    get: {
      operationId: "followChannel",
      summary: "Server-sent events of a channel: what it shows, at once and whenever that changes",
      responses: { "200": text("text/event-stream", "Events `channel`; see ChannelEvent"), ...badName },
    },
  },
  ...watchPathsOf({
    path: "/api/channels/{name}",
    parameter: channelParameter,
    noun: "Channel",
    watch: queryParameters(channelWatchQuery),
    stream: queryParameters(channelStreamQuery),
    absent: {},
  }),
};
