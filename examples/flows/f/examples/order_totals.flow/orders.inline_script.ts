export function main(count: number) {
  return Array.from({ length: count }, (_, number) => ({ number, items: [{ price: number, pieces: 2 }] }));
}
