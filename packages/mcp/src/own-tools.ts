import type { AskedResult, CallContext } from "./call.ts";
import { draftTools } from "./draft/tools.ts";
import type { Host } from "./host.ts";
import type { TaskResult } from "./job/task.ts";
import { requireJobId, waitForJob } from "./job/wait.ts";
import { followsJobs, requireFollowable } from "./job/permission.ts";
import { longestWaitSeconds } from "./job/follow.ts";
import { runAnswer } from "./runnable/tool.ts";
import type { ShownTool } from "./endpoint/tool.ts";
import { jsonResult, type ToolResult } from "./result.ts";
import type { Session, WorkspaceSession } from "./session.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** A tool that is no operation of the API. */
export interface OwnTool {
  shown: ShownTool;
  toolset: string;
  /** Shown and called only where the workspace is an argument. */
  openOnly?: true;
  /** Whether the token covers it; absent = any does. */
  covered?(host: Host, session: Session): boolean;
  call(
    host: Host,
    session: Session,
    asked: { args: Arguments; context: CallContext; enter: Enter },
  ): Promise<ToolResult | AskedResult | TaskResult>;
  /** Listed in the session catalogue and where it is asked for; called anywhere. */
  onRequest?: true;
}

/** The session in the workspace a call names. @throws ToolFailure */
export type Enter = (args: Arguments) => Promise<WorkspaceSession>;

const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

const waiting: OwnTool = {
  toolset: "jobs",
  covered: followsJobs,
  shown: {
    name: "waitForJob",
    title: "Wait for a job",
    description:
      "Waits for a job to end and answers its result. When it takes longer, answers that it still runs and the end of its log; call again.",
    inputSchema: {
      type: "object",
      properties: {
        id: { type: "string" },
        timeout_seconds: { type: "integer", minimum: 0, maximum: longestWaitSeconds },
      },
      required: ["id"],
    },
    outputSchema: runAnswer,
    annotations: reads,
  },
  async call(host, _, { args, context, enter }) {
    const asked = args["timeout_seconds"];
    const seconds =
      typeof asked === "number" && asked >= 0 ? Math.min(asked, longestWaitSeconds) : context.waitMs / 1000;
    const session = await enter(args);
    const id = requireJobId(args["id"]);
    await requireFollowable(host, session, { id, action: "getJob" });
    return waitForJob(host, session, { id, context: { ...context, waitMs: seconds * 1000 } });
  },
};

const workspaces: OwnTool = {
  toolset: "workspaces",
  openOnly: true,
  shown: {
    name: "list_workspaces",
    title: "List workspaces",
    description: "Lists the workspaces you may use. Other tools take one of these ids as workspace.",
    inputSchema: { type: "object", properties: {} },
    outputSchema: { type: "object", properties: { items: { type: "array" } } },
    annotations: reads,
  },
  async call(host, session) {
    return jsonResult({ items: await host.workspacesOf(session.principal) });
  },
};

export const ownTools: ReadonlyMap<string, OwnTool> = new Map(
  [waiting, workspaces, ...draftTools].map((tool) => [tool.shown.name, tool]),
);
