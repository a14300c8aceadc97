import assert from "node:assert/strict";
import { exposition } from "./exposition.ts";

Deno.test("exposition() writes counters, gauges and histograms as the format wants them", () => {
  const text = exposition([
    { name: "a_total", help: "Two\nlines, a \\", type: "counter", values: [[{}, 3], [{ path: 'C:\\"x"\n' }, 1.5e-7]] },
    { name: "b_ratio", help: "Odd", type: "gauge", values: [[{ k: "é" }, NaN], [{}, -Infinity]] },
    {
      name: "c_seconds",
      help: "Times",
      type: "histogram",
      values: [[{ part: "x" }, {
        buckets: [{ upTo: 0.5, count: 1 }, { upTo: Infinity, count: 2 }],
        sum: 3.25,
        count: 2,
      }]],
    },
    { name: "d_bytes", help: "Nothing", type: "gauge", values: [] },
  ]);
  assert.equal(
    text,
    [
      "# HELP a_total Two\\nlines, a \\\\",
      "# TYPE a_total counter",
      "a_total 3",
      'a_total{path="C:\\\\\\"x\\"\\n"} 1.5e-7',
      "# HELP b_ratio Odd",
      "# TYPE b_ratio gauge",
      'b_ratio{k="é"} NaN',
      "b_ratio -Inf",
      "# HELP c_seconds Times",
      "# TYPE c_seconds histogram",
      'c_seconds_bucket{part="x",le="0.5"} 1',
      'c_seconds_bucket{part="x",le="+Inf"} 2',
      'c_seconds_sum{part="x"} 3.25',
      'c_seconds_count{part="x"} 2',
      "# HELP d_bytes Nothing",
      "# TYPE d_bytes gauge",
      "",
    ].join("\n"),
  );
});
