/**
 * Fills large arrays and reports what they cost. Ask for more than the worker's limit and the job fails with a clear
 * error, while the worker and every other job live on.
 */
export async function main(megabytes: number = 64, chunk_megabytes: number = 8) {
  const chunks: Float64Array[] = [];
  const perChunk = (chunk_megabytes * 1024 * 1024) / Float64Array.BYTES_PER_ELEMENT;
  let sum = 0;
  for (let held = 0; held < megabytes; held += chunk_megabytes) {
    const chunk = new Float64Array(perChunk);
    // every page is touched, or it would not be memory but a promise of it
    for (let index = 0; index < chunk.length; index += 1) chunk[index] = index % 1000;
    chunks.push(chunk);
    sum += chunk[chunk.length - 1] ?? 0;
    if (chunks.length % 16 === 0) {
      console.log(`${held + chunk_megabytes} MB held`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const sorted = Float64Array.from({ length: 1_000_000 }, (_, index) => (index * 7919) % 1_000_003).sort();
  return {
    megabytes,
    chunks: chunks.length,
    elements: chunks.reduce((total, chunk) => total + chunk.length, 0),
    checksum: sum,
    sorted_ok: sorted.every((value, index) => index === 0 || (sorted[index - 1] ?? 0) <= value),
    resident_megabytes: Math.round(process.memoryUsage().rss / 1024 / 1024),
  };
}
