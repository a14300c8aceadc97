/**
 * `deno task doctor`: what this machine can run, and what it misses. `--json` for programs. Exit code 1 when the default
 * model cannot run.
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print, printError, runCommand } from "./command.ts";
import denoJson from "./deno.json" with { type: "json" };
import { type Config, configFromEnvironment, loaderFolders } from "./src/config.ts";
import { examinationLines, examine, fileLoaderView } from "./src/doctor/mod.ts";
import { packagedLibraryPath } from "./src/engine/onnx/runtime.ts";
import { type MachineMeasurement, readMeasurements, StoreOpenError } from "./src/session/store.ts";

async function main(args: string[]): Promise<number> {
  const { values } = parse(args);
  if (values.help) {
    print("Usage:\n  deno task doctor [--json]");
    return 0;
  }
  const config = configFromEnvironment();
  const { ortLibraryPath } = config;
  const examination = await examine({
    config,
    cuda: {
      ortLibraryPath: ortLibraryPath ?? packagedLibraryPath(),
      origin: ortLibraryPath ? "configured" : "npm",
      npmPackage: denoJson.imports["onnxruntime-node"],
      denoVersion: Deno.version.deno,
      platform: Deno.build,
    },
    loader: await fileLoaderView(loaderFolders()),
    measured: await measurements(config),
  });
  if (values.json) print(JSON.stringify(examination, null, 2));
  else for (const line of examinationLines(examination, Deno.cwd())) print(line);
  return examination.canRun ? 0 : 1;
}

/** None before the first video; null while a server is at work. */
async function measurements({ dataDir }: Config): Promise<MachineMeasurement[] | null> {
  const file = join(dataDir, "sessions.sqlite");
  if (!await Deno.stat(file).then(() => true, () => false)) return [];
  try {
    return readMeasurements(file);
  } catch (cause) {
    if (cause instanceof StoreOpenError) return null;
    throw cause;
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: { json: { type: "boolean" }, help: { type: "boolean" } }, strict: true });
  } catch (cause) {
    printError(`${(cause as Error).message.split(". ")[0]}; deno task doctor takes --json and nothing else`);
    Deno.exit(1);
  }
}

if (import.meta.main) await runCommand(main);
