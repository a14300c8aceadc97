/**
 * `/metrics`: the state of the server for Prometheus. Read when somebody asks; nothing is kept for it but counts.
 * @module
 */
import { Hono } from "hono";
import type { HistogramCounts, Sessions } from "../session/mod.ts";
import { exposition, expositionType, type Labels, type Metric } from "./exposition.ts";

export interface MetricsOptions {
  readonly sessions: Sessions;
  readonly version: string;
  /** How late the event loop is; the server's own is an `EventLoopWatch`. */
  readonly eventLoop: { readonly delays: HistogramCounts };
  /** Of this process. */
  readonly memory: () => { readonly rss: number; readonly heapUsed: number };
}

export function metricsRoutes(options: MetricsOptions): Hono {
  const routes = new Hono();
  routes.get("/metrics", (c) => {
    const text = exposition([...sessionMetrics(options.sessions), ...processMetrics(options)]);
    return c.body(text, 200, { "content-type": expositionType, "cache-control": "no-store" });
  });
  return routes;
}

function sessionMetrics(sessions: Sessions): Metric[] {
  const { figures } = sessions;
  const { sampling, decoding } = figures.sectionSeconds;
  const { realTimeFactor } = figures;
  return [
    {
      name: "framecast_sessions",
      help: "Sessions that are kept, by state",
      type: "gauge",
      values: byLabel("state", sessions.countByState()),
    },
    {
      name: "framecast_sessions_ended_total",
      help: "Sessions that have ended since the server began, by how",
      type: "counter",
      values: byLabel("state", figures.endedSessions),
    },
    {
      name: "framecast_section_seconds",
      help: "Time of finished sections, by what it was spent on",
      type: "histogram",
      values: [[{ work: "sampling" }, sampling], [{ work: "decoding" }, decoding]],
    },
    {
      name: "framecast_real_time_factor_ratio",
      help: "Seconds of video per second of work, newest section",
      type: "gauge",
      values: realTimeFactor === null ? [] : [[{}, realTimeFactor]],
    },
  ];
}

function processMetrics({ version, eventLoop, memory }: MetricsOptions): Metric[] {
  const { rss, heapUsed } = memory();
  return [
    {
      name: "framecast_event_loop_delay_seconds",
      help: "How much later than wanted the process came to what it had to do",
      type: "histogram",
      values: [[{}, eventLoop.delays]],
    },
    gauge("process_resident_memory_bytes", "Resident memory, without the engine's process", rss),
    gauge("process_heap_used_bytes", "JavaScript heap in use", heapUsed),
    gauge("framecast_build_info", "1, with the version as a label", 1, { version }),
  ];
}

function gauge(name: string, help: string, value: number, labels: Labels = {}): Metric {
  return { name, help, type: "gauge", values: [[labels, value]] };
}

function byLabel(label: string, counts: Readonly<Record<string, number>>): (readonly [Labels, number])[] {
  return Object.entries(counts).map(([name, count]) => [{ [label]: name }, count]);
}
