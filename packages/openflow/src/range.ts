import type { Range } from "./status.ts";

/** Adds a number to closed ranges that are in order and do not touch. */
export function addToRanges(ranges: readonly Range[], value: number): Range[] {
  const result: Range[] = [];
  let added: Range = [value, value];
  for (const range of ranges) {
    if (range[1] < added[0] - 1) result.push(range);
    else if (range[0] > added[1] + 1) {
      result.push(added);
      added = range;
    } else added = [Math.min(range[0], added[0]), Math.max(range[1], added[1])];
  }
  return [...result, added];
}

export function isInRanges(ranges: readonly Range[], value: number): boolean {
  return ranges.some(([first, last]) => first <= value && value <= last);
}

/** How many numbers the ranges hold. */
export function countOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
