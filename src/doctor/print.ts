/**
 * An examination as lines for people.
 * @module
 */
import type { Examination } from "./examine.ts";
import { expectationLines, planSentences } from "./expectations.ts";
import type { Finding } from "./finding.ts";
import { speedLine } from "./speeds.ts";

/** @param folder the one people are in: paths below it are told from there */
export function examinationLines(
  { findings, memory, speeds, canRun, defaultModel }: Examination,
  folder: string,
): string[] {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const where = memory.gpu ? `on GPU ${memory.gpu.index}` : "least free VRAM with every block streamed, and with none";
  return [
    ...findings.flatMap((finding) => findingLines(finding, width)).map((line) => line.replaceAll(`${folder}/`, "")),
    "",
    "Seconds per frame",
    ...(speeds?.map(speedLine) ?? [serverHasThem]).map((line) => `  ${line}`),
    "",
    `Memory of ${memory.model}: ${where}; calculated, not yet measured`,
    ...expectationLines(memory.expectations).map((line) => `  ${line}`),
    ...planSentences(memory.expectations).map((sentence) => `  ${sentence}`),
    "",
    canRun
      ? `The model ${defaultModel} can run here.`
      : `The model ${defaultModel} cannot run here: ${obstacles(findings)}.`,
  ];
}

const serverHasThem = "a server is at work in FRAMECAST_DATA_DIR; its GET /api/models tells what it has measured";

function findingLines({ level, subject, says, command }: Finding, width: number): string[] {
  const first = `${level.padEnd(8)} ${subject.padEnd(width)}  ${says}`;
  return command === undefined ? [first] : [first, `${" ".repeat(11 + width)}→ ${command}`];
}

const obstacles = (findings: readonly Finding[]) =>
  findings.filter(({ level, need }) => level === "missing" && need === "required")
    .map(({ subject }) => subject).join(", ");
