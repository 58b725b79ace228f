export function main(order: string) {
  return { receipt: `R-${order}` };
}
