/**
 * Everything that is looked at, in the order in which it is told.
 * @module
 */
import { type MemoryWishes, type ModelSizes, publishedSizes } from "../engine/memory/mod.ts";
import { findGpus, type Gpu, type GpuSearch } from "../nvidia_smi.ts";
import { diskFinding, memoryFinding, portFinding, processorFinding } from "./computer.ts";
import { type CudaProviderQuestion, inspectCudaProvider, type LoaderView } from "./cuda_provider.ts";
import { encoderFindings, type EncoderSettings } from "./encoders.ts";
import { type MemoryExpectation, memoryExpectations } from "./expectations.ts";
import { type Finding, missing, ok, required } from "./finding.ts";
import { driverFindings, gpuFindings, gpusUsed, hasBfloat16, type NamedDevice } from "./gpus.ts";
import { type FoundModel, inspectModels } from "./models.ts";
import { type Measured, type Speed, speeds } from "./speeds.ts";

export interface ExaminationOptions {
  readonly config: EncoderSettings & {
    readonly host: string;
    readonly port: number;
    readonly dataDir: string;
    readonly modelsDir: string;
    readonly defaultModel: string;
    /** At least one. */
    readonly devices: readonly NamedDevice[];
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

/** Of the published model as it is downloaded. */
const roomForModels = { neededBytes: 43e9, what: "FramePack as published" };

/** Of two minutes of raw frames at its sizes, for each video that is made at a time. */
const roomForData = (videos: number) => ({
  neededBytes: videos * 4.3e9,
  what: videos === 1 ? "the longest video, while it is made," : `each of ${videos} devices making the longest video`,
});

export async function examine({ config, cuda, loader, measured, nvidiaSmi }: ExaminationOptions): Promise<Examination> {
  const [search, provider, { findings: modelFindings, models }] = await Promise.all([
    findGpus(nvidiaSmi),
    inspectCudaProvider(cuda, loader),
    inspectModels(config.modelsDir, config.defaultModel),
  ]);
  const chosen = models.find(({ id }) => id === config.defaultModel);
  const { gpus, fits, need } = gpuPart(search, chosen, config);
  const findings = [
    processorFinding(),
    memoryFinding(),
    ...gpus,
    ...[...driverFindings(search, provider.cudaMajor), ...provider.findings].map(need),
    await ortFinding(cuda, loader),
    ...await encoderFindings(config),
    ...modelFindings,
    ...fits,
    await diskFinding("disk, models", config.modelsDir, roomForModels),
    await diskFinding("disk, data", config.dataDir, roomForData(config.devices.length)),
    required(portFinding(config.host, config.port)),
  ];
  return {
    canRun: !findings.some(({ level, need }) => level === "missing" && need === "required"),
    defaultModel: config.defaultModel,
    findings,
    speeds: measured && speeds(models, measured),
    memory: expectedMemory(chosen, tabledGpu(search, config.devices), config.vram),
  };
}

/** What each GPU is, whether the model fits it, and whether the default model needs what belongs to them. */
function gpuPart(search: GpuSearch, chosen: FoundModel | undefined, config: ExaminationOptions["config"]) {
  const { devices, defaultModel, vram } = config;
  const isLargeModel = chosen !== undefined && isLarge(chosen.sizes);
  const needsGpu = isLargeModel || devices.some(({ kind }) => kind === "cuda");
  const asItIs = (finding: Finding) => finding;
  const need = needsGpu ? required : asItIs;
  const used = gpusUsed(search, devices);
  const fits = (isLargeModel ? used.filter(hasMemory) : []).map((gpu) => {
    const subject = `memory for ${defaultModel}${devices.length > 1 ? ` on GPU ${gpu.index}` : ""}`;
    return { gpu, finding: fitFinding(subject, expectedMemory(chosen, gpu, vram).expectations) };
  });
  const isTooSmall = (gpu: Gpu) => fits.some((fit) => fit.gpu === gpu && fit.finding.level === "missing");
  const oneIsEnough = devices.length > 1 && used.some((gpu) => hasBfloat16(gpu) && !isTooSmall(gpu));
  const needOfEach = oneIsEnough ? asItIs : need;
  return {
    gpus: gpuFindings(search, devices).map(needOfEach),
    fits: fits.map(({ finding }) => needOfEach(finding)),
    need,
  };
}

const hasMemory = ({ memory }: Gpu) => memory !== null;

/** The first that would be used, or else the first there is. */
const tabledGpu = (search: GpuSearch, devices: readonly NamedDevice[]): Gpu | undefined =>
  [...gpusUsed(search, devices), ...search.kind === "found" ? search.gpus : []].find(hasMemory);

async function ortFinding({ ortLibraryPath, denoVersion }: CudaProviderQuestion, loader: LoaderView): Promise<Finding> {
  const subject = "ONNX Runtime";
  if (await loader.isFile(ortLibraryPath)) return ok(subject, ortLibraryPath);
  return required(missing(subject, `there is no "${ortLibraryPath}"`, `npx -y deno@${denoVersion} install`));
}

/** Above a billion numbers a processor is no use. */
const isLarge = ({ transformer: { dual, single } }: ModelSizes) =>
  [...dual, ...single].reduce((sum, { matrixNumbers }) => sum + matrixNumbers, 0) > 1e9;

function expectedMemory(chosen: FoundModel | undefined, gpu: Gpu | undefined, wishes: MemoryWishes) {
  const known = chosen && isLarge(chosen.sizes) ? chosen : undefined;
  const windowLatentFrames = known?.manifest.latentWindowFrames ?? 9;
  const model = known?.sizes ?? publishedSizes;
  return {
    model: known?.id ?? "FramePack as published",
    gpu: gpu ?? null,
    expectations: memoryExpectations({ model, wishes, windowLatentFrames }, gpu),
  };
}

function fitFinding(subject: string, expectations: readonly MemoryExpectation[]): Finding {
  const fitting = expectations.filter(({ answer }) => answer?.kind === "planned");
  return fitting.length === 0
    ? missing(subject, "no size fits in any precision; the table tells what is missing")
    : ok(subject, `${fitting.length} of ${expectations.length} sizes and precisions below fit`);
}
