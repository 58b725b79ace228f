import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { inputRequired, inputResponse, type Server, type ServerContext } from "@modelcontextprotocol/server";
import { declaresTasks, requireTasks, taskTimes, type TaskKeeper, type TaskState } from "@towermill/mcp";

/** The tools by which the conformance suite tries tasks, and where their tasks are: in memory, by the protocol of jobs. */

interface Asked {
  args: Record<string, unknown>;
  ctx: ServerContext;
  server: Server;
}

type Answers = Record<string, unknown>;
type Work = (task: { answers: Answers; signal: AbortSignal }) => Promise<unknown>;

interface Task {
  state: TaskState;
  answers: Answers;
  stop: AbortController;
  /** Goes on when all questions are answered. */
  go: () => void;
}

const tasks = new Map<string, Task>();
const now = (): string => new Date().toISOString();
const said = (text: string, isError?: true) => ({ content: [{ type: "text", text }], ...(isError ? { isError } : {}) });

function settle(task: Task, change: Partial<TaskState>): void {
  if (["working", "input_required"].includes(task.state.status))
    task.state = { ...task.state, ...change, lastUpdatedAt: now() };
}

/** Starts work as a task that first waits for the answers to its questions. */
function start(work: Work, questions: Record<string, unknown> = {}) {
  const taskId = randomUUID();
  const created = { createdAt: now(), lastUpdatedAt: now(), ...taskTimes };
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    try {
      settle(task, { status: "completed", result: await work({ answers: task.answers, signal: stop.signal }) });
    } catch (error) {
      settle(task, { status: "failed", error: { code: -32603, message: String(error) } });
    }
  };
  const task: Task = { state: { status: "working", ...created }, answers: {}, stop, go: () => void run() };
  tasks.set(taskId, task);
  if (Object.keys(questions).length === 0) task.go();
  else task.state = { ...task.state, status: "input_required", inputRequests: questions };
  return { resultType: "task", taskId, status: "working", ...created };
}

/** @returns true when it is one of ours */
function change(taskId: string, work: (task: Task) => void): boolean {
  const task = tasks.get(taskId);
  if (task) work(task);
  return task !== undefined;
}

export const taskKeeper: TaskKeeper = {
  get: async (_, taskId) => tasks.get(taskId)?.state ?? null,
  cancel: async (_, taskId) =>
    change(taskId, (task) => {
      settle(task, { status: "cancelled" });
      task.stop.abort();
    }),
  answer: async (_, taskId, answers) =>
    change(taskId, (task) => {
      const open = task.state.inputRequests ?? {};
      const left = Object.fromEntries(Object.entries(open).filter(([key]) => !(key in answers)));
      for (const key of Object.keys(open)) if (key in answers) task.answers[key] = answers[key];
      if (Object.keys(open).length === 0) return;
      if (Object.keys(left).length > 0) return settle(task, { inputRequests: left });
      const { inputRequests: _open, ...state } = task.state;
      task.state = { ...state, status: "working", lastUpdatedAt: now() };
      task.go();
    }),
};

const question = (message: string) => ({
  method: "elicitation/create",
  params: {
    mode: "form",
    message,
    requestedSchema: { type: "object", properties: { confirm: { type: "boolean" } }, required: ["confirm"] },
  },
});

const compute =
  (seconds: number): Work =>
  async ({ signal }) => {
    await pause(seconds * 1000, undefined, { signal });
    return said(`computed for ${seconds} s`);
  };

export const taskTools: Record<string, (asked: Asked) => unknown> = {
  greet: ({ args }) => said(`Hello, ${String(args["name"])}!`),
  slow_compute: ({ args, server, ctx }) => {
    const work = compute(Number(args["seconds"] ?? 0));
    return declaresTasks(server) ? start(work) : work({ answers: {}, signal: ctx.mcpReq.signal });
  },
  failing_job: ({ server }) => {
    requireTasks(server);
    return start(async () => said("this job always fails", true));
  },
  protocol_error_job: ({ server }) => {
    requireTasks(server);
    return start(() => Promise.reject(new Error("the server cannot do this")));
  },
  confirm_delete: ({ args, server }) => {
    requireTasks(server);
    const work: Work = async ({ answers }) => said(`deleted, as ${JSON.stringify(answers)} says`);
    return start(work, { confirm: question(`Delete ${String(args["filename"])}?`) });
  },
  multi_input: ({ server }) => {
    requireTasks(server);
    const work: Work = async ({ answers }) => said(JSON.stringify(answers));
    return start(work, { first: question("First?"), second: question("Second?") });
  },
  test_tool_with_task: ({ server, ctx }) => {
    requireTasks(server);
    const view = inputResponse(ctx.mcpReq.inputResponses, "user_name");
    const name = view.kind === "elicit" && view.action === "accept" ? view.content?.["name"] : undefined;
    if (typeof name === "string") return start(async () => said(`Hello, ${name}!`));
    const requestedSchema = {
      type: "object" as const,
      properties: { name: { type: "string" as const } },
      required: ["name"],
    };
    return inputRequired({
      inputRequests: { user_name: inputRequired.elicit({ message: "What is your name?", requestedSchema }) },
    });
  },
};
