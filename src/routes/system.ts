/**
 * About the server: models, health, the OpenAPI document.
 * @module
 */
import { Hono } from "hono";
import type { HealthView, Models, Sessions } from "../session/mod.ts";
import type { BasePath } from "./base_path.ts";
import { openApiDocument } from "./openapi.ts";

export interface SystemOptions {
  readonly sessions: Sessions;
  readonly models: Models;
  readonly version: string;
}

export function systemRoutes({ sessions, models, version }: SystemOptions, base: BasePath): Hono {
  const routes = new Hono();
  routes.get("/models", async (c) => c.json((await models.list()).map((model) => base.model(model))));
  routes.get("/health", (c) => {
    const { engineState, ...counts } = sessions.status.health();
    const health: HealthView = {
      status: counts.engines.some(({ state }) => state === "lost") ? "degraded" : "ok",
      version,
      engine: { state: engineState, device: models.device, model: models.defaultModel },
      ...counts,
    };
    return c.json(health, 200, { "cache-control": "no-store" });
  });
  routes.get("/openapi.json", (c) => c.json(openApiDocument(version, base.address("/"))));
  return routes;
}
