/**
 * Prometheus text exposition format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). Pure.
 * @module
 */
import type { HistogramCounts } from "../session/mod.ts";

/** `[a-zA-Z_][a-zA-Z0-9_]*` → any text. */
export type Labels = Readonly<Record<string, string>>;

/** Numbers of one name. Counters end in `_total`; a name has its unit: `_seconds`, `_bytes`, `_ratio`. */
export type Metric =
  & { readonly name: string; readonly help: string }
  & (
    | { readonly type: "counter" | "gauge"; readonly values: readonly (readonly [Labels, number])[] }
    | { readonly type: "histogram"; readonly values: readonly (readonly [Labels, HistogramCounts])[] }
  );

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

export function exposition(metrics: readonly Metric[]): string {
  return metrics.map((metric) => {
    const { name, help, type } = metric;
    const lines = type === "histogram"
      ? metric.values.flatMap(([labels, counts]) => histogramLines(name, labels, counts))
      : metric.values.map(([labels, value]) => line(name, labels, value));
    const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    return [`# HELP ${name} ${escaped}`, `# TYPE ${name} ${type}`, ...lines].map((text) => `${text}\n`).join("");
  }).join("");
}

function histogramLines(name: string, labels: Labels, { buckets, sum, count }: HistogramCounts): string[] {
  return [
    ...buckets.map((bucket) => line(`${name}_bucket`, { ...labels, le: number(bucket.upTo) }, bucket.count)),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapedLabel(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${number(value)}`;
}

function escapedLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
