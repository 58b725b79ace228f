export async function main(receipt: string) {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return { processed: receipt };
}
