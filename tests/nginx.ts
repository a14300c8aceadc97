/**
 * A real nginx with `deploy/nginx.conf`, on free ports and with a certificate of its own.
 * @module
 */
import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, installed, startProgram } from "./started_program.ts";

const nginxPath = installed("/usr/sbin/nginx");
const opensslPath = installed("/usr/bin/openssl");
/** False: the tests that need it are skipped. */
export const hasNginx: boolean = nginxPath !== undefined && opensslPath !== undefined;

export interface Nginx extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`; nobody trusts its certificate. */
  readonly url: string;
  /** The address of the unencrypted server, without a slash at its end. */
  readonly plainUrl: string;
}

/** @param upstream host and port of the server behind it */
export async function startNginx(upstream: string): Promise<Nginx> {
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "framecast-nginx-"));
  started.defer(() => rm(directory, { recursive: true }));
  await chmod(directory, 0o755); // started by root, its workers are somebody else
  await makeCertificate(directory);
  const [port, plainPort] = [freePort(), freePort()];
  const site = replaced(await readFile(new URL("../deploy/nginx.conf", import.meta.url), "utf8"), [
    ["server 127.0.0.1:8000;", `server ${upstream};`],
    ["listen 80;", `listen 127.0.0.1:${plainPort};`],
    ["listen 443 ssl http2;", `listen 127.0.0.1:${port} ssl http2;`],
    ["/etc/ssl/video.example.crt;", `${join(directory, "certificate")};`],
    ["/etc/ssl/video.example.key;", `${join(directory, "key")};`],
  ]);
  await writeFile(join(directory, "site.conf"), site);
  await writeFile(join(directory, "nginx.conf"), surroundings(directory));
  const args = ["-p", directory, "-c", join(directory, "nginx.conf")];
  const nginx = await startProgram(nginxPath!, { args, says: ["stderr", /start worker process \d/] });
  started.defer(() => nginx.end("SIGTERM"));
  const all = started.move();
  return {
    url: `https://127.0.0.1:${port}`,
    plainUrl: `http://127.0.0.1:${plainPort}`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** What stands around a site in a system's nginx.conf, with everything it writes in one folder. */
function surroundings(directory: string): string {
  const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(directory, name)};`).join("\n  ");
  return `daemon off;
worker_processes 1;
error_log stderr notice;
pid ${join(directory, "pid")};
events {}
http {
  access_log off;
  ${places}
  include ${join(directory, "site.conf")};
}
`;
}

/** Each text stands in the file and is replaced, so that nothing of it silently stays what it is on a server. */
function replaced(text: string, replacements: readonly (readonly [string, string])[]): string {
  for (const [from, to] of replacements) {
    assert.ok(text.includes(from), `deploy/nginx.conf has no "${from}"`);
    text = text.replace(from, to);
  }
  return text;
}

async function makeCertificate(directory: string): Promise<void> {
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=video.example";
  const args = [...request.split(" "), "-keyout", join(directory, "key"), "-out", join(directory, "certificate")];
  const { success, stderr } = await new Deno.Command(opensslPath!, { args, stdout: "null", stderr: "piped" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}
