type Outcome = { error?: { message: string } };

export function main(fetch: Outcome, tidy: Outcome) {
  const failed = Object.entries({ fetch, tidy }).filter(([, outcome]) => outcome.error !== undefined);
  return { failed: failed.map(([name]) => name) };
}
