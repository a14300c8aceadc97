import assert from "node:assert/strict";
import { runOnce, tinyCheckpoint, tinyInput } from "../../../tests/tiny_network.ts";
import { groupNorm } from "./group_norm.ts";

const epsilon = 1e-6;

for (const [frames, groups] of [[1, 3], [4, 1], [4, 3], [2, 6]] as const) {
  Deno.test(`groupNorm() takes statistics over frames and channels of ${groups} groups, ${frames} frames`, async () => {
    const [channels, area] = [6, 10];
    const checkpoint = tinyCheckpoint({ weight: [channels], bias: [channels] });
    const x = tinyInput("video", [frames, channels, 2, 5]);
    const { y } = await runOnce(
      checkpoint,
      (m, g) => g.output("y", groupNorm(m, g.input("x", x.shape), groups, epsilon)),
      { x },
    );
    const [weight, bias] = [await checkpoint.readFloat32("weight"), await checkpoint.readFloat32("bias")];
    const channelOf = (at: number) => Math.floor(at / area) % channels;
    const groupOf = (at: number) => Math.floor(channelOf(at) / (channels / groups));
    const statistics = Array.from({ length: groups }, (_, group) => {
      const members = x.data.filter((_, at) => groupOf(at) === group);
      const mean = members.reduce((sum, value) => sum + value) / members.length;
      return { mean, variance: members.reduce((sum, value) => sum + (value - mean) ** 2, 0) / members.length };
    });
    x.data.forEach((value, at) => {
      const { mean, variance } = statistics[groupOf(at)]!;
      const expected = (value - mean) / Math.sqrt(variance + epsilon) * weight[channelOf(at)]! + bias[channelOf(at)]!;
      assert.ok(Math.abs(Number(y!.data[at]) - expected) < 2e-6, `${y!.data[at]} at ${at}, expected ${expected}`);
    });
  });
}

Deno.test("groupNorm() refuses groups that do not divide the channels", async () => {
  const x = tinyInput("video", [1, 6, 2, 2]);
  const building = runOnce(
    tinyCheckpoint({}),
    (m, g) => g.output("y", groupNorm(m, g.input("x", x.shape), 4, epsilon)),
    {
      x,
    },
  );
  await assert.rejects(building, { name: "GraphError", message: /got 6, expected a multiple of 4/ });
});
