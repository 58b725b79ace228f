export async function main(url: string, attempt: number) {
  const response = await fetch(url);
  return { attempt, ready: response.ok };
}
