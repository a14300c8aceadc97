/**
 * Everything that is looked at, in the order in which it is told.
 * @module
 */
import { type MemoryWishes, type ModelSizes, publishedSizes } from "../engine/memory/mod.ts";
import { findGpus, type Gpu, type GpuSearch } from "../nvidia_smi.ts";
import { diskFinding, memoryFinding, portFinding, processorFinding } from "./computer.ts";
import { type CudaProvider, type CudaProviderQuestion, inspectCudaProvider, type LoaderView } from "./cuda_provider.ts";
import { encoderFindings } from "./encoders.ts";
import { type MemoryExpectation, memoryExpectations } from "./expectations.ts";
import { type Finding, missing, ok, required } from "./finding.ts";
import { gpuFindings } from "./gpus.ts";
import { type FoundModel, inspectModels } from "./models.ts";
import { type Measured, type Speed, speeds } from "./speeds.ts";

export interface ExaminationOptions {
  readonly config: {
    readonly host: string;
    readonly port: number;
    readonly dataDir: string;
    readonly modelsDir: string;
    readonly defaultModel: string;
    readonly ffmpegPath: string | undefined;
    readonly vram: MemoryWishes;
  };
  readonly cuda: CudaProviderQuestion;
  readonly loader: LoaderView;
  /** What servers have measured here; null while one of them has it. */
  readonly measured: readonly Measured[] | null;
  /** Default `nvidia-smi`. */
  readonly nvidiaSmi?: string;
}

export interface Examination {
  /** Whether the default model can run here. */
  readonly canRun: boolean;
  readonly defaultModel: string;
  readonly findings: readonly Finding[];
  /** Null while a server has what was measured. */
  readonly speeds: readonly Speed[] | null;
  readonly memory: {
    /** A folder of `FRAMECAST_MODELS_DIR`, or FramePack as published. */
    readonly model: string;
    readonly gpu: Gpu | null;
    readonly expectations: readonly MemoryExpectation[];
  };
}

/** Of the published model as it is downloaded; of two minutes of raw frames at its sizes. */
const room = {
  models: { neededBytes: 43e9, what: "FramePack as published" },
  data: { neededBytes: 4.3e9, what: "the longest video, while it is made," },
};

export async function examine({ config, cuda, loader, measured, nvidiaSmi }: ExaminationOptions): Promise<Examination> {
  const [search, provider, { findings: modelFindings, models }] = await Promise.all([
    findGpus(nvidiaSmi),
    inspectCudaProvider(cuda, loader),
    inspectModels(config.modelsDir, config.defaultModel),
  ]);
  const chosen = models.find(({ id }) => id === config.defaultModel);
  const memory = expectedMemory(chosen, search, config.vram);
  const needsGpu = chosen !== undefined && isLarge(chosen.sizes);
  const findings = [
    processorFinding(),
    memoryFinding(),
    ...gpuPart(search, provider, needsGpu),
    await ortFinding(cuda, loader),
    ...await encoderFindings(config.ffmpegPath),
    ...modelFindings,
    ...(needsGpu && memory.gpu ? [fitFinding(config.defaultModel, memory.expectations)] : []),
    await diskFinding("disk, models", config.modelsDir, room.models),
    await diskFinding("disk, data", config.dataDir, room.data),
    required(portFinding(config.host, config.port)),
  ];
  return {
    canRun: !findings.some(({ level, need }) => level === "missing" && need === "required"),
    defaultModel: config.defaultModel,
    findings,
    speeds: measured && speeds(models, measured),
    memory,
  };
}

function gpuPart(search: GpuSearch, { cudaMajor, findings }: CudaProvider, needsGpu: boolean): Finding[] {
  const all = [...gpuFindings(search, cudaMajor), ...findings];
  return needsGpu ? all.map(required) : all;
}

async function ortFinding({ ortLibraryPath, denoVersion }: CudaProviderQuestion, loader: LoaderView): Promise<Finding> {
  const subject = "ONNX Runtime";
  if (await loader.isFile(ortLibraryPath)) return ok(subject, ortLibraryPath);
  return required(missing(subject, `there is no "${ortLibraryPath}"`, `npx -y deno@${denoVersion} install`));
}

/** Above a billion numbers a processor is no use. */
const isLarge = ({ transformer: { dual, single } }: ModelSizes) =>
  [...dual, ...single].reduce((sum, { matrixNumbers }) => sum + matrixNumbers, 0) > 1e9;

function expectedMemory(chosen: FoundModel | undefined, search: GpuSearch, wishes: MemoryWishes) {
  const known = chosen && isLarge(chosen.sizes) ? chosen : undefined;
  const gpu = search.kind === "found" ? search.gpus.find(({ memory }) => memory !== null) : undefined;
  const windowLatentFrames = known?.manifest.latentWindowFrames ?? 9;
  const model = known?.sizes ?? publishedSizes;
  return {
    model: known?.id ?? "FramePack as published",
    gpu: gpu ?? null,
    expectations: memoryExpectations({ model, wishes, windowLatentFrames }, gpu),
  };
}

function fitFinding(model: string, expectations: readonly MemoryExpectation[]): Finding {
  const fitting = expectations.filter(({ answer }) => answer?.kind === "planned");
  const subject = `memory for ${model}`;
  return fitting.length === 0
    ? required(missing(subject, "no size fits in any precision; the table tells what is missing"))
    : ok(subject, `${fitting.length} of ${expectations.length} sizes and precisions below fit`);
}
