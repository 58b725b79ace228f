export function main(amount: number, cost_center: string, approvers: string[]) {
  return { booked: amount, on: cost_center, approvers };
}
