import type { flowsPreviewOperations } from "@towermill/contract";
import type { DeployedFlows } from "@towermill/flow-driver";
import type { NewJob } from "@towermill/queue";
import { plainText } from "../http/answer.ts";
import type { Call, Handlers } from "../http/call.ts";
import { memberText } from "../http/verbatim.ts";
import { flowLockJob } from "../flows/lock-job.ts";
import { restartOf } from "../flows/restart.ts";
import type { FlowStarter } from "../flows/start.ts";
import { withHeaders } from "../jobs/arguments.ts";
import { resultAnswer } from "../jobs/result-answer.ts";
import type { Starter } from "../jobs/start.ts";
import type { Services } from "../services.ts";

type Preview = Extract<(typeof flowsPreviewOperations)[number], { id: `runFlowPreview${string}` }>;

/** Flows that are not deployed: previews, and locks of their inline scripts. */
export function flowsPreviewsHandlers(
  services: Services,
  { starter, flowStarter, flows }: { starter: Starter; flowStarter: FlowStarter; flows: DeployedFlows },
): Handlers<typeof flowsPreviewOperations> {
  const jobOf = async (call: Call<Preview>): Promise<NewJob> => {
    const { body, bodyText, request, query } = call;
    const { path, tag, restarted_from: from, temp_script_refs: temporaryScripts } = body;
    const sent = memberText(bodyText, "args");
    const args = withHeaders(sent === undefined || sent === "null" ? "{}" : sent, request, query.include_header);
    const value = memberText(bodyText, "value") ?? JSON.stringify(body.value);
    const restart = from?.flow_job_id ? (await restartOf({ services, flows }, call, { from })).restart : undefined;
    const preview = { value, parsed: body.value, path, tag, args, options: query, restart, temporaryScripts };
    return flowStarter.preview(call, preview);
  };
  return {
    async runFlowPreview(call) {
      const job = await jobOf(call);
      await starter.start(job);
      return plainText(job.id, 201);
    },
    runFlowPreviewAndWaitResult: async (call) =>
      resultAnswer(await starter.startAndWait(await jobOf(call), call.signal)),
    async runFlowDependenciesAsync({ caller, member, body, bodyText }) {
      const value = memberText(bodyText, "flow_value") ?? JSON.stringify(body.flow_value);
      const job = flowLockJob({ ...body, value }, { who: { caller, member }, rules: await starter.tagRules() });
      await starter.start(job);
      return plainText(job.id, 201);
    },
  };
}
