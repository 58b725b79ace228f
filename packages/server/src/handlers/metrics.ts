import { countEnded } from "../metrics/ended.ts";
import { exposition, expositionType, type Metric } from "../metrics/exposition.ts";
import { poolMetrics, runnerMetrics, watchProcess } from "../metrics/process.ts";
import { queueMetrics } from "../metrics/queue.ts";
import type { Services } from "../services.ts";

/** What a monitoring system collects. Nothing is measured before it is first asked for. */
export function metricsHandler({ db, runnerStats }: Services): () => Promise<Response> {
  const ended = countEnded(db);
  let ownProcess: (() => Metric[]) | undefined;
  return async () => {
    ownProcess ??= watchProcess();
    const runners = runnerStats?.();
    const metrics = [
      ...(await queueMetrics(db)),
      ...(await ended()),
      ...(runners ? runnerMetrics(runners) : []),
      ...poolMetrics(db.usage()),
      ...ownProcess(),
    ];
    return new Response(exposition(metrics), { headers: { "content-type": expositionType } });
  };
}
