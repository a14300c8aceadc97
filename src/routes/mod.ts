/**
 * HTTP and nothing else.
 * @module
 */
export { type AppOptions, createApp } from "./app.ts";
