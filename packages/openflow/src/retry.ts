import type { Retry } from "./flow-value.ts";

const MOST_ATTEMPTS = 1000;
const LONGEST_SECONDS = 6 * 3600;

/**
 * How long to wait before the next attempt of a step or scheduled run that failed `failures` times before, in seconds;
 * null = no attempt is left. First the constant ones, then `multiplier × seconds ^ (n + 1)` where n counts the constant ones
 * too.
 * Source: Windmill's retry settings, with its limits of 1,000 attempts and 6 hours.
 * @param chance a number in [0, 1) for the random factor
 */
export function retryDelay(retry: Retry, failures: number, chance: number): number | null {
  if (failures >= MOST_ATTEMPTS) return null;
  const { constant, exponential } = retry;
  const constants = constant?.attempts ?? 0;
  if (failures < constants) return Math.min(Math.max(0, constant?.seconds ?? 0), LONGEST_SECONDS);
  if (exponential == null || failures - constants >= (exponential.attempts ?? 0)) return null;
  const seconds = (exponential.multiplier ?? 1) * (exponential.seconds ?? 0) ** (failures + 1);
  const factor = Math.min(Math.max(0, exponential.random_factor ?? 0), 100) / 100;
  return Math.min(Math.max(0, seconds * (1 + factor * (2 * chance - 1))), LONGEST_SECONDS);
}
