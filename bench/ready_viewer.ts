/**
 * One viewer in a process of its own, who looks at nothing.
 * @module
 */
import { startScript } from "./script.ts";

/** Disposing ends it. */
export interface ReadyViewer extends AsyncDisposable {
  /** Resolves with the first packet. */
  join(url: string): Promise<void>;
}

/** Resolves when it has started, so that joining takes no longer than it must. */
export async function readyViewer(): Promise<ReadyViewer> {
  const script = startScript("silent_viewer.ts", []);
  await script.nextLine();
  return {
    async join(url) {
      await script.tell(url);
      await script.nextLine();
    },
    [Symbol.asyncDispose]: () => script[Symbol.asyncDispose](),
  };
}
