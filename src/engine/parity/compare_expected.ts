/**
 * Compares results that are no tensors: exactly, unless the golden folder's README says otherwise.
 * @module
 */

/** One sentence per difference. Only what the record holds is compared; long plans list only some of their facts. */
export function compareExpected(
  expected: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
  sampleTolerance = 0,
): string[] {
  const rules: Rules = {
    tolerances: (expected["tolerance"] ?? {}) as Record<string, number>,
    sampleTolerance,
    margin: Number(expected["smallest_margin_to_threshold"] ?? NaN),
  };
  return Object.keys(expected)
    .filter((key) => !facts.has(key))
    .flatMap((key) => differences(expected[key], actual[key], `expect.${key}`, key, rules));
}

/** Keys that describe the case and are no results of it. */
const facts = new Set(["tolerance", "smallest_margin_to_threshold", "teacache_smallest_margin_to_threshold"]);

interface Rules {
  /** `expect.tolerance`: largest |a − b| of the numbers with that key. */
  readonly tolerances: Readonly<Record<string, number>>;
  /** `atol` of `out.sample`: what measures of that tensor may differ by. */
  readonly sampleTolerance: number;
  /** Of TeaCache cases: how far the nearest accumulated distance is from the threshold. */
  readonly margin: number;
}

function differences(expected: unknown, actual: unknown, path: string, key: string, rules: Rules): string[] {
  if (key === "bf16_to_fp32") return distanceProblems(expected, actual, path);
  if (key === "distance_to_base") return measureProblems(expected, actual, path, rules.sampleTolerance);
  if (key === "distances") return marginProblems(expected, actual, path, rules.margin);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return [`${path} is ${quote(actual)}, expected a list`];
    if (actual.length !== expected.length) {
      return [`${path} has ${actual.length} entries, expected ${expected.length}`];
    }
    return expected.flatMap((entry, i) => differences(entry, actual[i], `${path}[${i}]`, key, rules));
  }
  if (isObject(expected)) {
    if (!isObject(actual)) return [`${path} is ${quote(actual)}, expected an object`];
    return Object.keys(expected).flatMap((k) => differences(expected[k], actual[k], `${path}.${k}`, k, rules));
  }
  const allowed = rules.tolerances[key];
  const isEqual = allowed !== undefined && typeof expected === "number" && typeof actual === "number"
    ? Math.abs(actual - expected) <= allowed
    : Object.is(actual, expected);
  return isEqual ? [] : [`${path} is ${quote(actual)}, expected ${quote(expected)}`];
}

/** A bfloat16 run is judged by its distance to the float32 result: at most twice the reference's own. */
function distanceProblems(expected: unknown, actual: unknown, path: string): string[] {
  if (Array.isArray(expected)) {
    return expected.flatMap((entry, i) =>
      distanceProblems(entry, isList(actual) ? actual[i] : undefined, `${path}[${i}]`)
    );
  }
  if (typeof expected === "number") {
    const isNear = typeof actual === "number" && actual <= 2 * expected;
    return isNear ? [] : [`${path} is ${quote(actual)}, allowed ${2 * expected}`];
  }
  if (!isObject(expected)) return [`${path} holds no distance`];
  const given = isObject(actual) ? actual : {};
  // Of each tensor's measures the rule names one.
  const keys = "rel_l2" in expected ? ["rel_l2"] : Object.keys(expected);
  return keys.flatMap((key) => distanceProblems(expected[key], given[key], `${path}.${key}`));
}

/** Measures of a sample are as good as the sample. */
function measureProblems(expected: unknown, actual: unknown, path: string, allowed: number): string[] {
  if (!isObject(expected) || !isObject(actual)) return [`${path} is ${quote(actual)}, expected ${quote(expected)}`];
  return Object.keys(expected).flatMap((key) => {
    const isNear = Math.abs(Number(actual[key]) - Number(expected[key])) <= allowed;
    return isNear ? [] : [`${path}.${key} is ${quote(actual[key])}, expected ${quote(expected[key])}`];
  });
}

/** Decisions are compared exactly; the distances behind them must agree so far that none of them could have flipped. */
function marginProblems(expected: unknown, actual: unknown, path: string, margin: number): string[] {
  if (!isList(expected) || !isList(actual) || expected.length !== actual.length) {
    return [`${path} is ${quote(actual)}, expected ${quote(expected)}`];
  }
  return expected.flatMap((entry, i) => {
    const [wanted, given] = [accumulatedOf(entry), accumulatedOf(actual[i])];
    return Math.abs(given - wanted) < margin ? [] : [`${path}[${i}].accumulated is ${given}, expected ${wanted}`];
  });
}

function accumulatedOf(entry: unknown): number {
  return isObject(entry) ? Number(entry["accumulated"]) : NaN;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
