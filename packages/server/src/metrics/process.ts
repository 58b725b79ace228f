import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Metric } from "./exposition.ts";

/** Processes that run users' code, by state: ready for any job, kept for one domain, at work; and all that were started. */
export interface RunnerStats {
  blank: number;
  idle: number;
  busy: number;
  started: number;
}

const gauge = (name: string, help: string, value: number): Metric => ({
  name,
  help,
  type: "gauge",
  samples: [{ value }],
});

export function runnerMetrics({ started, ...states }: RunnerStats): Metric[] {
  return [
    {
      name: "towermill_runners",
      help: "Processes of this worker that run code, by state",
      type: "gauge",
      samples: Object.entries(states).map(([state, value]) => ({ labels: { state }, value })),
    },
    {
      name: "towermill_runners_started_total",
      help: "Processes this worker started to run code",
      type: "counter",
      samples: [{ value: started }],
    },
  ];
}

export function poolMetrics({ open, idle, waiting }: { open: number; idle: number; waiting: number }): Metric[] {
  return [
    {
      name: "towermill_database_connections",
      help: "Database connections of this process, by state",
      type: "gauge",
      samples: [
        { labels: { state: "idle" }, value: idle },
        { labels: { state: "busy" }, value: open - idle },
      ],
    },
    gauge("towermill_database_waiting", "Statements of this process that wait for a connection", waiting),
  ];
}

/**
 * Memory, processor time and event loop of this process, under the names that dashboards for Node know. The delay of the
 * event loop is of the time since the last reading; it is watched from the first reading on.
 */
export function watchProcess(): () => Metric[] {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return () => {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const seconds = (nanoseconds: number): number => (delay.count === 0 ? 0 : nanoseconds / 1e9);
    const metrics: Metric[] = [
      gauge("nodejs_eventloop_lag_p50_seconds", "Median delay of the event loop", seconds(delay.percentile(50))),
      gauge(
        "nodejs_eventloop_lag_p99_seconds",
        "99th percentile of the event loop's delay",
        seconds(delay.percentile(99)),
      ),
      gauge("nodejs_eventloop_lag_max_seconds", "Longest delay of the event loop", seconds(delay.max)),
      gauge("process_resident_memory_bytes", "Resident memory", rss),
      gauge("nodejs_heap_size_total_bytes", "Size of the JavaScript heap", heapTotal),
      gauge("nodejs_heap_size_used_bytes", "Used part of the JavaScript heap", heapUsed),
      gauge("nodejs_external_memory_bytes", "Memory outside the JavaScript heap", external),
      gauge("process_start_time_seconds", "When the process started", Date.now() / 1000 - process.uptime()),
      {
        name: "process_cpu_seconds_total",
        help: "Processor time",
        type: "counter",
        samples: [{ value: (user + system) / 1e6 }],
      },
    ];
    delay.reset();
    return metrics;
  };
}
