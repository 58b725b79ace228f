/** When a failed run is tried again. Attempts are those after the first run. */
export interface Retry {
  constant?: { attempts?: number | null; seconds?: number | null } | null;
  exponential?: {
    attempts?: number | null;
    multiplier?: number | null;
    seconds?: number | null;
    random_factor?: number | null;
  } | null;
  retry_if?: { expr: string } | null;
}

const mostAttempts = 1000;
const longestSeconds = 6 * 3600;

/**
 * How long to wait before the next attempt of a run that failed `failures` times before this one, in seconds; `null` = no
 * attempt is left. First the constant ones, then `multiplier × seconds ^ (n + 1)`, where n counts the constant ones too.
 * Source: Windmill's retry settings, with its limits of 1,000 attempts and 6 hours.
 * @param chance a number in [0, 1) for the random factor
 */
export function retryDelay({ constant, exponential }: Retry, failures: number, chance: number): number | null {
  const constants = constant?.attempts ?? 0;
  if (failures >= mostAttempts) return null;
  if (failures < constants) return Math.min(Math.max(0, constant?.seconds ?? 0), longestSeconds);
  if (!exponential || failures - constants >= (exponential.attempts ?? 0)) return null;
  const seconds = (exponential.multiplier ?? 1) * (exponential.seconds ?? 0) ** (failures + 1);
  const factor = Math.min(Math.max(0, exponential.random_factor ?? 0), 100) / 100;
  return Math.min(Math.max(0, seconds * (1 + factor * (2 * chance - 1))), longestSeconds);
}
