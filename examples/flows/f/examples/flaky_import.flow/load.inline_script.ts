export function main(source: string) {
  if (source === "down") throw new Error("the source does not answer");
  return [1, 2, 3];
}
