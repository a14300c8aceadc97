/**
 * A real OBS under Xvfb for the tests that need one, driven by the obs-websocket that it brings along
 * (obs-websocket 5, docs/generated/protocol.md).
 * @module
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Buffer } from "node:buffer";
import { freePort, installed, startProgram } from "./started_program.ts";

const obsPath = installed("/usr/bin/obs");
const xvfbPath = installed("/usr/bin/Xvfb");
/** False: the tests that need it are skipped. */
export const hasObs: boolean = obsPath !== undefined && xvfbPath !== undefined;

type Values = Readonly<Record<string, unknown>>;

export interface Obs extends AsyncDisposable {
  /** Adds a Media Source to the scene that is on air. */
  addMediaSource(name: string, settings: Values): Promise<void>;
  /** What a source or a scene shows, as a small PNG; undefined while a source has no size, since no picture has come. */
  screenshot(source: string): Promise<Uint8Array | undefined>;
  /** Name of the scene on air. */
  readonly scene: string;
}

/** A new OBS with a folder of its own. Resolves when it answers. */
export async function startObs(): Promise<Obs> {
  await using started = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), "framecast-obs-"));
  started.defer(() => rm(home, { recursive: true }));
  const port = freePort();
  await mkdir(join(home, ".config/obs-studio"), { recursive: true });
  await writeFile(join(home, ".config/obs-studio/global.ini"), settings(port));
  const xvfb = await startProgram(xvfbPath!, {
    args: ["-displayfd", "1", "-screen", "0", "1280x720x24", "-nolisten", "tcp"],
    says: ["stdout", /\d+(?=\n)/],
  });
  started.defer(() => xvfb.end("SIGTERM"));
  const obs = await startProgram(obsPath!, {
    args: ["--multi"],
    env: { HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: `:${xvfb.said[0]}`, LIBGL_ALWAYS_SOFTWARE: "1" },
    says: ["stdout", /Server started successfully/],
  });
  started.defer(() => obs.end("SIGKILL")); // asked to end, it asks back whether it may
  const { call, close } = await connect(`ws://127.0.0.1:${port}`);
  started.defer(close);
  const { currentProgramSceneName: scene } = await call("GetCurrentProgramScene", {});
  const all = started.move();
  return {
    scene: scene as string,
    async addMediaSource(name, settings) {
      const kind = { sceneName: scene, inputName: name, inputKind: "ffmpeg_source" };
      await call("CreateInput", { ...kind, inputSettings: settings });
    },
    async screenshot(source) {
      try {
        const { imageData } = await call("GetSourceScreenshot", {
          sourceName: source,
          imageFormat: "png",
          imageWidth: screenshotWidthPx,
        });
        return Buffer.from((imageData as string).split(",")[1]!, "base64");
      } catch (error) {
        if (error instanceof ObsError && error.code === requestProcessingFailed) return undefined;
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** What global.ini has to say so that it starts without a question and listens. */
function settings(port: number): string {
  return `[General]
FirstRun=true
[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
AuthRequired=false
AlertsEnabled=false
ServerPort=${port}
`;
}

/** Enough to read what is in it, and soon made: whoever takes many shall not hold up what they show. */
const screenshotWidthPx = 96;

/** A refused request. */
class ObsError extends Error {
  override readonly name = "ObsError";
  readonly code: number;

  constructor(requestType: string, { code, comment }: { readonly code: number; readonly comment: string }) {
    super(`OBS refused ${requestType}: ${comment}`);
    this.code = code;
  }
}

/** RequestStatus::RequestProcessingFailed. */
const requestProcessingFailed = 702;

interface Connection {
  /** The answer's data. @throws why OBS refused */
  call(requestType: string, requestData: Values): Promise<Values>;
  close(): Promise<void>;
}

/** Operations 0 Hello, 1 Identify, 2 Identified, 6 Request and 7 RequestResponse. */
async function connect(address: string): Promise<Connection> {
  const socket = new WebSocket(address, ["obswebsocket.json"]);
  const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
  const identified = Promise.withResolvers<void>();
  const calls = new Map<string, PromiseWithResolvers<Values>>();
  const send = (op: number, d: Values) => socket.send(JSON.stringify({ op, d }));
  socket.onerror = () => identified.reject(new Error(`OBS does not answer at ${address}`));
  socket.onmessage = ({ data }) => {
    const { op, d } = JSON.parse(data);
    if (op === 0) send(1, { rpcVersion: d.rpcVersion, eventSubscriptions: 0 });
    else if (op === 2) identified.resolve();
    else if (op === 7 && d.requestStatus.result) calls.get(d.requestId)?.resolve(d.responseData ?? {});
    else if (op === 7) calls.get(d.requestId)?.reject(new ObsError(d.requestType, d.requestStatus));
  };
  await identified.promise;
  return {
    call(requestType, requestData) {
      const requestId = String(calls.size);
      const answer = Promise.withResolvers<Values>();
      calls.set(requestId, answer);
      send(6, { requestType, requestId, requestData });
      return answer.promise;
    },
    async close() {
      socket.close();
      await closed;
    },
  };
}
