import { sum } from "./sum.ts";

export async function main(numbers: number[]) {
  return sum(numbers);
}
