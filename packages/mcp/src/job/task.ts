/** What a client may assume of a task: how long it is kept at least, and how often to ask. */
export const taskTimes = { ttlMs: 24 * 3_600_000, pollIntervalMs: 1000 };

/** How long a call waits before a run becomes a task. */
export const taskAfterMs = 2000;

export interface TaskResult {
  [key: string]: unknown;
  resultType: "task";
  taskId: string;
  status: "working";
  createdAt: string;
  lastUpdatedAt: string;
  ttlMs: number;
  pollIntervalMs: number;
}

/** A run that goes on, as a task. */
export function taskResult(workspace: string, id: string): TaskResult {
  const now = new Date().toISOString();
  return {
    resultType: "task",
    taskId: `${workspace}:${id}`,
    status: "working",
    createdAt: now,
    lastUpdatedAt: now,
    ...taskTimes,
  };
}
