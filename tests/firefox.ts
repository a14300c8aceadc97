/**
 * A real Firefox for the tests that need one. It is driven by WebDriver BiDi (w3.org/TR/webdriver-bidi), which it speaks
 * itself over a WebSocket.
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installed, startProgram } from "./started_program.ts";

/** Path of the installed browser, undefined when there is none: the tests that need it are then skipped. */
export const firefoxPath = installed("/usr/bin/firefox-esr", "/usr/bin/firefox");

export interface Firefox extends AsyncDisposable {
  open(url: string): Promise<FirefoxPage>;
}

export interface FirefoxPage {
  /** Errors that the page logged or left uncaught so far. */
  readonly complaints: readonly string[];
  /** The value of an expression, a promise's result; it has to fit into JSON. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** Waits until a condition in the page holds, at most a minute. */
  until(condition: string): Promise<void>;
}

export async function launchFirefox(): Promise<Firefox> {
  await using started = new AsyncDisposableStack();
  const profile = await mkdtemp(join(tmpdir(), "framecast-firefox-"));
  started.defer(() => rm(profile, { recursive: true }));
  const firefox = await startProgram(firefoxPath!, {
    args: ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile],
    says: ["stderr", /listening on (ws:\S+)\s/],
  });
  started.defer(() => firefox.end("SIGTERM"));
  const connection = await connect(`${firefox.said[1]}/session`);
  await connection.call("session.new", { capabilities: {} });
  await connection.call("session.subscribe", { events: ["log.entryAdded"] });
  const all = started.move();
  return {
    async open(url) {
      const { context } = await connection.call("browsingContext.create", { type: "tab" });
      const page = pageIn(connection, context as string);
      await connection.call("browsingContext.navigate", { context, url, wait: "complete" });
      return page;
    },
    async [Symbol.asyncDispose]() {
      await connection.call("browser.close", {});
      await Promise.all([firefox.ended, connection.closed]);
      await all.disposeAsync();
    },
  };
}

type Values = Readonly<Record<string, unknown>>;

interface Connection {
  /** Resolves with a command's result. @throws its error */
  call(method: string, params: Values): Promise<Values>;
  /** Every entry of a page's log from now on. */
  onLogEntry(listener: (entry: LogEntry) => void): void;
  readonly closed: Promise<void>;
}

interface LogEntry {
  readonly level: string;
  readonly text: string;
  readonly source: { readonly context?: string };
}

async function connect(address: string): Promise<Connection> {
  const socket = new WebSocket(address);
  const closed = new Promise<void>((resolve) => socket.onclose = () => resolve());
  await new Promise((resolve, reject) => [socket.onopen, socket.onerror] = [resolve, reject]);
  const calls = new Map<number, PromiseWithResolvers<Values>>();
  const listeners: ((entry: LogEntry) => void)[] = [];
  socket.onmessage = ({ data }) => {
    const { type, id, result, message, method, params } = JSON.parse(data);
    if (type === "event" && method === "log.entryAdded") listeners.forEach((listener) => listener(params));
    else if (type === "success") calls.get(id)?.resolve(result);
    else if (type === "error") calls.get(id)?.reject(new Error(message));
  };
  return {
    closed,
    onLogEntry: (listener) => void listeners.push(listener),
    call(method, params) {
      const id = calls.size;
      const answer = Promise.withResolvers<Values>();
      calls.set(id, answer);
      socket.send(JSON.stringify({ id, method, params }));
      return answer.promise;
    },
  };
}

function pageIn(connection: Connection, context: string): FirefoxPage {
  const complaints: string[] = [];
  connection.onLogEntry(({ level, text, source }) => {
    if (level === "error" && source.context === context) complaints.push(text);
  });
  const evaluate = async <Value>(expression: string): Promise<Value> => {
    const { type, result, exceptionDetails } = await connection.call("script.evaluate", {
      expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value ?? null))`,
      target: { context },
      awaitPromise: true,
    }) as { type: string; result?: { value: string }; exceptionDetails?: { text: string } };
    if (type !== "success") throw new Error(exceptionDetails?.text ?? `Firefox cannot evaluate ${expression}`);
    return JSON.parse(result!.value);
  };
  return {
    complaints,
    evaluate,
    until: (condition) =>
      evaluate(`new Promise((resolve, reject) => {
        const endsMs = performance.now() + 60_000;
        const look = () => {
          if (${condition}) resolve();
          else if (performance.now() > endsMs) reject(new Error("Waited in vain in: " + document.body.innerText));
          else setTimeout(look, 20);
        };
        look();
      })`),
  };
}
