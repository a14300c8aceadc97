/**
 * What a call on sessions can be refused for. Each carries the problem that tells why.
 * @module
 */
import { type Problem, problem, type ProblemKind } from "./problem.ts";

/** A call that cannot be done; the message is the problem's detail. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly problem: Problem;

  /** @param members further members of the problem: `field`, numbers */
  constructor(kind: ProblemKind, detail: string, members?: Record<string, unknown>, options?: ErrorOptions) {
    super(detail, options);
    this.problem = problem(kind, detail, members);
  }
}

/** The reason of an abort: somebody stopped the session, and what is made is kept. */
export class StopRequested extends Error {
  override readonly name = "StopRequested";
}
