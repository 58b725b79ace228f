export function main(amount: number, limit: number) {
  return { needs_approval: amount > limit };
}
