/**
 * HTTP and nothing else.
 * @module
 */
export { type AppOptions, createApp } from "./app.ts";
export { EventLoopWatch } from "./event_loop.ts";
