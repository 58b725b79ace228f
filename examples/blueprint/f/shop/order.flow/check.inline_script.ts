export async function main(order: { items: number[] }) {
  return order;
}
