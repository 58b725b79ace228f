import {
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import type { TaskKeeper } from "../job/task.ts";
import type { Session } from "../session.ts";

/** SEP-2663: a run that takes longer is a task the client asks for, instead of a call that waits. */
export const tasksExtension = "io.modelcontextprotocol/tasks";

const params = z.looseObject({ taskId: z.string() });

export function declaresTasks(server: Server): boolean {
  const { extensions } = (server.getClientCapabilities() ?? {}) as { extensions?: Record<string, unknown> };
  return extensions?.[tasksExtension] !== undefined;
}

/** @throws MissingRequiredClientCapabilityError to a client that does not know tasks */
export function requireTasks(server: Server): void {
  if (declaresTasks(server)) return;
  throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { extensions: { [tasksExtension]: {} } } });
}

function unknown(taskId: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown task: ${taskId.slice(0, 100)}`);
}

const acknowledged = { resultType: "complete" as const };

/** Answers about tasks; another's task and none at all are the same. */
export function serveTasks(
  server: Server,
  { keeper, served }: { keeper: TaskKeeper; served: { session: Session } },
): void {
  server.setRequestHandler("tasks/get", { params }, async ({ taskId }) => {
    requireTasks(server);
    const asks = server.getClientCapabilities()?.elicitation !== undefined;
    const task = await keeper.get(served.session, taskId, asks);
    if (!task) throw unknown(taskId);
    return { resultType: "complete", taskId, ...task };
  });
  server.setRequestHandler("tasks/cancel", { params }, async ({ taskId }) => {
    requireTasks(server);
    if (!(await keeper.cancel(served.session, taskId))) throw unknown(taskId);
    return acknowledged;
  });
  server.setRequestHandler("tasks/update", { params }, async ({ taskId }, ctx) => {
    requireTasks(server);
    const answers = ctx.mcpReq.inputResponses ?? {};
    if (!(await keeper.answer(served.session, taskId, answers))) throw unknown(taskId);
    return acknowledged;
  });
}
