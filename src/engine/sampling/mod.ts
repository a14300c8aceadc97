/**
 * FramePack's sampler, pure: what to make in which order, from noise to latents to blended frames. No network, no I/O, no
 * clock, no randomness but a generator passed in.
 * @module
 */
export * from "./denoise.ts";
export * from "./guidance.ts";
export * from "./history.ts";
export * from "./noise.ts";
export * from "./preview.ts";
export * from "./resolution.ts";
export * from "./schedule.ts";
export * from "./section_plan.ts";
export * from "./sinusoid.ts";
export * from "./stitch.ts";
export * from "./tea_cache.ts";
export * from "./unipc.ts";
