/**
 * How many may watch one live stream: all together and from one address. Whoever is still connecting counts.
 * @module
 */
import { ViewerLimitError } from "./errors.ts";

export interface ViewerLimits {
  readonly viewers: number;
  readonly viewersPerAddress: number;
}

export class Admission {
  readonly #limits: ViewerLimits;
  readonly #byAddress = new Map<string, number>();
  #admitted = 0;

  constructor(limits: ViewerLimits) {
    this.#limits = limits;
  }

  /**
   * One place, until the function it gives is called.
   * @param address of the viewer; without one only the limit of all counts.
   * @throws `ViewerLimitError`
   */
  admit(address: string | undefined): () => void {
    const { viewers, viewersPerAddress } = this.#limits;
    if (this.#admitted >= viewers) {
      throw new ViewerLimitError("viewers", `Cannot let one more watch: there are ${viewers} viewers already`);
    }
    const fromThere = address === undefined ? 0 : this.#byAddress.get(address) ?? 0;
    if (fromThere >= viewersPerAddress) {
      const why = `there are ${viewersPerAddress} viewers from ${address} already`;
      throw new ViewerLimitError("viewersPerAddress", `Cannot let one more watch: ${why}`);
    }
    this.#count(address, 1);
    let leave = () => this.#count(address, -1);
    return () => {
      leave();
      leave = () => {};
    };
  }

  #count(address: string | undefined, change: 1 | -1): void {
    this.#admitted += change;
    if (address === undefined) return;
    const count = (this.#byAddress.get(address) ?? 0) + change;
    if (count === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, count);
  }
}
