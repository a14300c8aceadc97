/**
 * A strict reader of the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format): throws at anything that a scraper could
 * take offence at, in form or in meaning.
 * @module
 */

export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const metricName = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const labelPair = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const sampleLine = new RegExp(`^(${metricName})(?:\\{(${labelPair}(?:,${labelPair})*)\\})? (\\S+)$`);
const numberText = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|[+-]Inf|NaN)$/i;

/** Families by name, in the order of the text. */
export function parseExposition(text: string): ReadonlyMap<string, MetricFamily> {
  if (!text.endsWith("\n")) throw new Error("The last line must end in a line feed");
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = new RegExp(`^# HELP (${metricName}) (.+)$`).exec(line);
    const type = new RegExp(`^# TYPE (${metricName}) (counter|gauge|histogram|summary|untyped)$`).exec(line);
    if (help) {
      current = help[1]!;
      if (families.has(current)) throw new Error(`${current} is there twice`);
      families.set(current, { type: "", help: help[2]!, samples: [] });
    } else if (type) {
      const family = families.get(type[1]!);
      if (type[1] !== current || !family || family.type !== "") throw new Error(`Misplaced: ${line}`);
      family.type = type[2]!;
    } else addSample(families.get(current), current, line);
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function addSample(family: { type: string; samples: Sample[] } | undefined, current: string, line: string): void {
  const [, name = "", labelText = "", valueText = ""] = sampleLine.exec(line) ?? [];
  if (name === "") throw new Error(`Not a line of the format: ${line}`);
  if (!family || family.type === "") throw new Error(`A sample before its TYPE: ${line}`);
  if (!numberText.test(valueText)) throw new Error(`Not a number: ${line}`);
  const suffixes = family.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  if (!suffixes.some((suffix) => name === current + suffix)) throw new Error(`${name} stands below ${current}`);
  const pairs = [...labelText.matchAll(new RegExp(labelPair, "g"))].map(([pair]) => {
    const at = pair.indexOf("=");
    const value = pair.slice(at + 2, -1).replace(/\\(.)/g, (_, letter) => letter === "n" ? "\n" : letter);
    return [pair.slice(0, at), value] as const;
  });
  const labels = Object.fromEntries(pairs);
  if (Object.keys(labels).length !== pairs.length) throw new Error(`A label twice: ${line}`);
  const same = (sample: Sample) => sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels);
  if (family.samples.some(same)) throw new Error(`A sample twice: ${line}`);
  family.samples.push({ name, labels, value: Number(valueText.replace(/Inf/i, "Infinity")) });
}

function checkFamily(name: string, { type, samples }: MetricFamily): void {
  if (type === "") throw new Error(`${name} has no TYPE`);
  if (name.endsWith("_total") !== (type === "counter")) throw new Error(`${name} is a ${type}`);
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below 0`);
  if (type === "histogram") checkHistogram(name, samples);
}

/** Buckets grow with `le` and end with +Inf, which equals the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const keyOf = ({ labels: { le: _le, ...labels } }: Sample) => JSON.stringify(labels);
  for (const key of new Set(samples.map(keyOf))) {
    const own = samples.filter((sample) => keyOf(sample) === key);
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace("Inf", "Infinity")));
    const grows = (values: readonly number[], strictly: number) =>
      values.every((value, i) => i === 0 || value - values[i - 1]! >= strictly);
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    const isWhole = own.some((sample) => sample.name === `${name}_sum`) && bounds.at(-1) === Infinity;
    const counts = buckets.map(({ value }) => value);
    if (!isWhole || !grows(bounds, Number.MIN_VALUE) || !grows(counts, 0) || counts.at(-1) !== count) {
      throw new Error(`${name} ${key} is no histogram`);
    }
  }
}
