/**
 * A player of `live.ts` that stays and looks at nothing.
 * @module
 */

export interface StreamReader extends AsyncDisposable {
  /** Between two pieces of the stream. */
  readonly longestPauseMs: number;
  /** `ended`: by the server. */
  readonly state: "reading" | "left" | "ended";
}

/** Resolves when the server has answered. Disposing leaves. */
export async function readTransportStream(url: string): Promise<StreamReader> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(await response.text());
  // An abort signal would not do: Deno forgets it once the request is collected.
  const reader = response.body!.getReader();
  let longestPauseMs = 0;
  let state: StreamReader["state"] = "reading";
  const read = async () => {
    let lastMs = performance.now();
    while (!(await reader.read()).done) {
      longestPauseMs = Math.max(longestPauseMs, performance.now() - lastMs);
      lastMs = performance.now();
    }
    if (state === "reading") state = "ended";
  };
  const done = read();
  return {
    get longestPauseMs() {
      return longestPauseMs;
    },
    get state() {
      return state;
    },
    async [Symbol.asyncDispose]() {
      if (state === "reading") state = "left";
      await reader.cancel();
      await done;
    },
  };
}
