/**
 * The order in which blocks' weights go through a few slots of a device's memory: while one block computes, the next one is
 * being copied and the one after it is being read. Pure.
 * @module
 */

/**
 * `read`: from the files to the slot's staging memory, begins. `upload`: from there into the slot, begins when the read is
 * done. `await`: nothing goes on before the block's upload is done. `compute`: runs, and nothing goes on before it is
 * done; `slot` is null for a block whose weights stay on the device.
 */
export type StreamOrder<Block> =
  | { readonly kind: "read" | "upload" | "await"; readonly block: Block; readonly slot: number }
  | { readonly kind: "compute"; readonly block: Block; readonly slot: number | null };

export interface StreamPass<Block> {
  /** In the order of computing. */
  readonly blocks: readonly Block[];
  readonly isResident: (block: Block) => boolean;
  /** What each slot holds when the pass begins, or has been ordered to hold. */
  readonly slots: readonly (Block | undefined)[];
  /** What will be computed after this pass; its first blocks are fetched while the last ones of this pass compute. */
  readonly next: readonly Block[];
}

/**
 * A slot is ordered to be overwritten only after its block has computed, and a block is fetched as soon as a slot is free:
 * with two slots the copy of block k + 1 runs under the compute of block k. Staging memory is free earlier, when its
 * upload is done, so the read of block k + 2 runs beside both.
 */
export function* streamOrders<Block>({ blocks, isResident, slots, next }: StreamPass<Block>): Generator<
  StreamOrder<Block>,
  void
> {
  if (slots.length < 2 && !blocks.every(isResident)) {
    throw new RangeError(`Cannot stream blocks through ${slots.length} slots: two are the least`);
  }
  const contents = [...slots];
  const upcoming = [...blocks, ...next].filter((block) => !isResident(block));
  const wanted = (from: number) => upcoming.slice(from, from + contents.length);
  /** What is wanted from `from` on and has no slot, and a slot with nothing that is wanted. */
  const fetchable = (from: number) => {
    const block = wanted(from).find((candidate) => !contents.includes(candidate));
    const slot = contents.findIndex((content) => content === undefined || !wanted(from).includes(content));
    return block === undefined ? undefined : { block, slot };
  };
  for (let fetched = fetchable(0); fetched; fetched = fetchable(0)) {
    contents[fetched.slot] = fetched.block;
    yield { kind: "read", ...fetched };
    yield { kind: "upload", ...fetched };
  }
  let position = 0;
  for (const block of blocks) {
    if (isResident(block)) {
      yield { kind: "compute", block, slot: null };
      continue;
    }
    const slot = contents.indexOf(block);
    const fetched = fetchable(++position);
    yield { kind: "await", block, slot };
    if (fetched) yield { kind: "read", ...fetched };
    yield { kind: "compute", block, slot };
    if (!fetched) continue;
    contents[fetched.slot] = fetched.block;
    yield { kind: "upload", ...fetched };
  }
}
