/**
 * Says what this machine can run, and what it misses. Looks and tries, changes nothing.
 * @module
 */
export { type Examination, type ExaminationOptions, examine } from "./examine.ts";
export { fileLoaderView } from "./loader_files.ts";
export { examinationLines } from "./print.ts";
