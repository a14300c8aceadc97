/**
 * The OpenAPI document: the calls are listed here, every shape comes from the zod schemas.
 * @module
 */
import { problemKinds } from "../session/mod.ts";
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
import { watchPaths } from "./openapi_watch.ts";
import { frameQuery, jsonSchemaOf, jsonSchemas, queryParameters, sessionChange } from "./request.ts";

/**
 * OpenAPI 3.1.0, whose schemas are JSON Schema 2020-12.
 * @param root address below which the paths lie
 */
export function openApiDocument(version: string, root = "/") {
  return {
    openapi: "3.1.0",
    info: {
      title: "framecast",
      version,
      description:
        "An image and a prompt become a video, live while it is made. Everything the pages do goes through " +
        "these calls.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: root }],
    paths: { ...sessionPaths, ...eventPaths, ...watchPaths, ...filePaths, ...systemPaths },
    components: { schemas: jsonSchemas() },
    "x-problem-types": problemKinds,
  };
}

const pictureField = (description: string) => ({
  type: "string",
  contentMediaType: "application/octet-stream",
  description,
});

const sessionPaths = {
  "/api/sessions": {
    get: {
      operationId: "listSessions",
      summary: "All sessions, newest first",
      responses: { "200": json({ type: "array", items: reference("Session") }, "Views") },
    },
    post: {
      operationId: "createSession",
      summary: "Ask for a video",
      requestBody: {
        required: true,
        content: {
          "multipart/form-data": {
            encoding: { loras: { contentType: "application/json" } },
            schema: {
              allOf: [reference("NewSession"), {
                type: "object",
                properties: {
                  image: pictureField(
                    "The start picture, unless `start` asks for a plain one. PNG, JPEG, WebP, AVIF, GIF or TIFF; up to 20 " +
                      "MB and 40 megapixels, at least 16 px a side.",
                  ),
                  endImage: pictureField(
                    "A picture that the video is led to, for the schedule `inverted`. It is not in the video itself.",
                  ),
                },
              }],
            },
          },
        },
      },
      responses: {
        "202": {
          ...json(reference("Session"), "It waits for its turn"),
          headers: { Location: header("Address of the session") },
        },
        "400": problemAnswer("The form is damaged"),
        "413": problemAnswer("The picture is too large"),
        "415": problemAnswer("Not multipart/form-data"),
        "422": problemAnswer("A setting or the picture cannot be used; `field` names it"),
        "503": problemAnswer("Too many wait already"),
      },
    },
  },
  "/api/sessions/{id}": {
    parameters: [idParameter],
    get: {
      operationId: "getSession",
      summary: "One session",
      responses: { "200": json(reference("Session"), "Its view"), ...notFound },
    },
    patch: {
      operationId: "changeSession",
      summary: "Another prompt for what is not in work yet",
      description:
        "The section in work is finished first; until then the view has `nextPrompt`. What is then in `settings` " +
        "gives the same video again.",
      requestBody: { required: true, content: { "application/json": { schema: jsonSchemaOf(sessionChange) } } },
      responses: {
        "200": json(reference("Session"), "Its view"),
        "409": problemAnswer("Nothing is left to be made"),
        "413": problemAnswer("The body is too large"),
        "415": problemAnswer("Not application/json"),
        "422": problemAnswer("The prompt cannot be used; `field` names it"),
        ...notFound,
      },
    },
    delete: {
      operationId: "deleteSession",
      summary: "Stop it and forget it, file and all",
      responses: { "204": { description: "Gone" }, ...notFound },
    },
  },
  "/api/sessions/{id}/stop": {
    parameters: [idParameter],
    post: {
      operationId: "stopSession",
      summary: "End early and keep what is made",
      responses: { "200": json(reference("Session"), "Its view in the end state"), ...notFound },
    },
  },
};

const eventPaths = {
  "/api/sessions/{id}/events": {
    parameters: [idParameter, {
      name: "Last-Event-ID",
      in: "header",
      required: false,
      description: "Go on after this event. Without it the log is told from its start.",
      schema: { type: "string" },
    }],
    get: {
      operationId: "followSession",
      summary: "Server-sent events of one session; ends with its end state",
      responses: {
        "200": text(
          "text/event-stream",
          "Events `state`, `progress`, `frameMap`, `playout`, `problem`; see SessionEvent",
        ),
        "204": { description: "It has ended and there is nothing after Last-Event-ID" },
        ...notFound,
      },
    },
  },
  "/api/events": {
    get: {
      operationId: "followSessions",
      summary: "Server-sent events of all sessions, without ids; `latest` comes first",
      responses: { "200": text("text/event-stream", "Events `latest`, `session`, `deleted`; see FeedEvent") },
    },
  },
};

const whole = { type: "integer", minimum: 0 };
const frameParameter = pathParameter("n", "Frame of the finished video, from 0.", whole);
const sectionParameter = pathParameter("n", "Section in making order, from 1.", { ...whole, minimum: 1 });
const noFrame = { "404": problemAnswer("There is no such session, or the frame is not decoded yet") };

const filePaths = {
  "/api/sessions/{id}/video.mp4": {
    parameters: [idParameter],
    get: {
      operationId: "getVideo",
      summary: "The finished file; byte ranges work",
      responses: {
        "200": binary("video/mp4", "The file"),
        "206": binary("video/mp4", "A part of it"),
        "409": problemAnswer("There is no file (yet)"),
        "416": problemAnswer("The range lies outside the file"),
        ...notFound,
      },
    },
  },
  "/api/sessions/{id}/sections/{n}.mp4": {
    parameters: [idParameter, sectionParameter],
    get: {
      operationId: "getSection",
      summary: "One decoded section as a file; byte ranges work",
      description: "Its entity tag changes when provisional frames have become final.",
      responses: {
        "200": binary("video/mp4", "The file"),
        "206": binary("video/mp4", "A part of it"),
        "404": problemAnswer("There is no such session or section, or it is not decoded yet"),
        "416": problemAnswer("The range lies outside the file"),
      },
    },
  },
  "/api/sessions/{id}/frames/{n}.jpg": {
    parameters: [idParameter, frameParameter],
    get: {
      operationId: "getFrame",
      summary: "A frame to look at, or the newest preview where none is decoded",
      parameters: queryParameters(frameQuery),
      responses: { "200": binary("image/jpeg", "The frame"), ...noFrame },
    },
  },
  "/api/sessions/{id}/frames/{n}.png": {
    parameters: [idParameter, frameParameter],
    get: {
      operationId: "getExactFrame",
      summary: "A decoded frame, every pixel as it is",
      responses: { "200": binary("image/png", "The frame"), ...noFrame },
    },
  },
  "/api/sessions/{id}/image": {
    parameters: [idParameter],
    get: {
      operationId: "getStartPicture",
      summary: "The start picture as it was sent",
      responses: { "200": binary("image/*", "The file"), ...notFound },
    },
  },
  "/api/sessions/{id}/end-image": {
    parameters: [idParameter],
    get: {
      operationId: "getEndPicture",
      summary: "The end picture as it was sent",
      responses: {
        "200": binary("image/*", "The file"),
        "404": problemAnswer("There is no such session, or it has no end picture"),
      },
    },
  },
};

const systemPaths = {
  "/metrics": {
    get: {
      operationId: "getMetrics",
      summary: "The state of the server for Prometheus",
      responses: { "200": text("text/plain", "Text exposition format 0.0.4") },
    },
  },
  "/api/models": {
    get: {
      operationId: "listModels",
      summary: "Models with their sizes, defaults and measured pace",
      responses: { "200": json({ type: "array", items: reference("Model") }, "Models") },
    },
  },
  "/api/health": {
    get: {
      operationId: "getHealth",
      summary: "How the server does",
      responses: { "200": json(reference("Health"), "Health") },
    },
  },
  "/api/openapi.json": {
    get: { operationId: "getOpenApi", summary: "This document", responses: { "200": json({}, "OpenAPI 3.1") } },
  },
};
