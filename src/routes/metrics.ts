/**
 * `/metrics`: the state of the server for Prometheus. Read when somebody asks; nothing is kept for it but counts.
 * @module
 */
import { Hono } from "hono";
import type { HistogramCounts, LiveTotals, RenditionCounts, Sessions, Status } from "../session/mod.ts";
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
    const { status } = options.sessions;
    const live = status.liveTotals();
    const text = exposition([
      ...sessionMetrics(status),
      ...viewerMetrics(live),
      ...pictureMetrics(live),
      ...processMetrics(options),
    ]);
    return c.body(text, 200, { "content-type": expositionType, "cache-control": "no-store" });
  });
  return routes;
}

function sessionMetrics(status: Status): Metric[] {
  const { sectionSeconds: { sampling, decoding }, realTimeFactor, endedSessions } = status.made;
  return [
    {
      name: "framecast_engines",
      help: "Engines, one for each device, by what they do",
      type: "gauge",
      values: byLabel("state", status.enginesByState()),
    },
    {
      name: "framecast_sessions",
      help: "Sessions that are kept, by state",
      type: "gauge",
      values: byLabel("state", status.sessionsByState()),
    },
    {
      name: "framecast_sessions_ended_total",
      help: "Sessions that have ended since the server began, by how",
      type: "counter",
      values: byLabel("state", endedSessions),
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

/** Who watches, and how their lines are. */
function viewerMetrics({ viewers, transportReaders, sent }: LiveTotals): Metric[] {
  const kinds = Map.groupBy(viewers, ({ choice, codec, quality }) => `${choice.view} ${codec} ${quality}`);
  const reports = viewers.filter(({ reports }) => reports > 0);
  const roundTrips = viewers.flatMap(({ roundTripMs }) => roundTripMs === null ? [] : [roundTripMs / 1000]);
  return [
    {
      name: "framecast_viewers",
      help: "Who watches at the moment; a reader of a transport stream counts as one",
      type: "gauge",
      values: [
        ...[...kinds.values()].map((alike): [Labels, number] => {
          const { choice: { view }, codec, quality } = alike[0]!;
          return [{ transport: "webrtc", view, codec, quality }, alike.length];
        }),
        [{ transport: "mpegts" }, transportReaders],
      ],
    },
    counter("framecast_viewers_served_total", "WebRTC viewers that have been let in", sent.viewers),
    counter("framecast_rtp_packets_sent_total", "RTP packets sent, repeats included", sent.packets),
    counter("framecast_rtp_sent_bytes_total", "Bytes of RTP sent", sent.bytes),
    counter(
      "framecast_rtp_packets_repeated_total",
      "RTP packets sent again because a viewer missed them",
      sent.repeats,
    ),
    {
      name: "framecast_viewer_loss_ratio",
      help: "Packets lost on the way to those who watch, mean of their newest reports",
      type: "gauge",
      values: meanOf(reports.map(({ fractionLost }) => fractionLost)),
    },
    {
      name: "framecast_viewer_round_trip_seconds",
      help: "To those who watch and back, mean of their newest reports",
      type: "gauge",
      values: meanOf(roundTrips),
    },
  ];
}

/** What is encoded for them. */
function pictureMetrics({ renditions }: LiveTotals): Metric[] {
  const byKind = (count: "running" | keyof RenditionCounts): (readonly [Labels, number])[] =>
    renditions.map((rendition) => {
      const { view, codec, quality } = rendition;
      return [{ view, codec, quality }, rendition[count]];
    });
  const counted = (name: string, help: string, count: keyof RenditionCounts): Metric => (
    { name, help, type: "counter", values: byKind(count) }
  );
  return [
    { name: "framecast_encoders", help: "Encoders that run at the moment", type: "gauge", values: byKind("running") },
    counted("framecast_pictures_encoded_total", "Pictures encoded", "picturesEncoded"),
    counted("framecast_pictures_dropped_total", "Pictures an encoder was too slow for", "picturesDropped"),
    counted("framecast_key_frames_total", "Key frames encoded", "keyFrames"),
    counted("framecast_encoded_bytes_total", "Bytes of encoded pictures, before they go to viewers", "bytes"),
    counted("framecast_encoder_restarts_total", "Encoders replaced because they ended or hung", "encoderRestarts"),
  ];
}

function counter(name: string, help: string, value: number): Metric {
  return { name, help, type: "counter", values: [[{}, value]] };
}

/** No sample where there is nothing to take the mean of. */
function meanOf(values: readonly number[]): (readonly [Labels, number])[] {
  return values.length === 0 ? [] : [[{}, values.reduce((sum, value) => sum + value, 0) / values.length]];
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
