import type { Session } from "../session.ts";

/** What a client may assume of a task: how long it is kept at least, and how often to ask. */
export const taskTimes = { ttlMs: 24 * 3_600_000, pollIntervalMs: 1000 };

/** What is known of a task now. */
export interface TaskState {
  status: "working" | "input_required" | "completed" | "failed" | "cancelled";
  statusMessage?: string;
  createdAt: string;
  lastUpdatedAt: string;
  ttlMs: number;
  pollIntervalMs: number;
  /** What the call would have answered. */
  result?: unknown;
  error?: { code: number; message: string };
  /** Questions the task waits for, by a key of their own. */
  inputRequests?: Record<string, unknown>;
}

/** Where tasks are: `null` and `false` for those the session may not know of, or do this to. */
export interface TaskKeeper {
  /** @param asks whether questions may be put to the client's user */
  get(session: Session, taskId: string, asks: boolean): Promise<TaskState | null>;
  cancel(session: Session, taskId: string): Promise<boolean>;
  /** Hands in answers by the keys of their questions; those nobody asked are left alone. */
  answer(session: Session, taskId: string, answers: Readonly<Record<string, unknown>>): Promise<boolean>;
}

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
