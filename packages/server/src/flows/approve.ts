import { audit } from "../identity/audit.ts";
import type { ApprovalContext } from "./approval-context.ts";

type Answer = Parameters<ApprovalContext["driver"]["resume"]>[0];

/** Gives a flow the answer it waits for. Who gave it is in the audit log; what they sent with it is only in the flow. */
export async function approve({ services, driver }: ApprovalContext, answer: Answer): Promise<void> {
  await driver.resume(answer);
  await audit(services.db, {
    workspace: answer.workspace,
    username: answer.approver ?? "anonymous",
    operation: "jobs.suspend_resume",
    actionKind: "Execute",
    resource: answer.job,
    parameters: { approved: answer.approved },
  });
}
