/**
 * A loop body's arguments: the flow's, with `iter`. What an outer loop called so becomes `iter_parent`, and so on outwards.
 * @param value the item, the index itself for a while loop
 */
export function withIter(
  args: Record<string, unknown>,
  iter: { index: number; value: unknown },
): Record<string, unknown> {
  const result = { ...args };
  let displaced: unknown = iter;
  for (let key = "iter"; displaced !== undefined; key += "_parent") {
    const outer = result[key];
    result[key] = displaced;
    displaced = outer;
  }
  return result;
}
