import { readFlowStatus, type DeployedFlows } from "@towermill/flow-driver";
import type { Database } from "@towermill/store";
import type { JobExtras, JobRow } from "../jobs/job-row.ts";
import { flowText } from "./value.ts";

const flowKinds: readonly string[] = ["flow", "flowpreview", "singlestepflow"];

export function isFlowKind(kind: string): boolean {
  return flowKinds.includes(kind);
}

/** What a job of the kind flow has beside the rows of every job. */
export interface FlowView {
  /** `flow_status`, and with `code` the flow's value as `raw_flow`; nothing for other jobs. */
  extras(row: Pick<JobRow, "id" | "kind">, options: { code: boolean }): Promise<JobExtras>;
  /** `flow_status`; `null` for a job that is no flow. */
  status(id: string): Promise<Record<string, unknown> | null>;
}

export function createFlowView({ db, flows }: { db: Database; flows: DeployedFlows }): FlowView {
  const status = (id: string): Promise<Record<string, unknown> | null> => readFlowStatus({ db, deployed: flows }, id);
  return {
    status,
    async extras({ id, kind }, { code }) {
      if (!isFlowKind(kind)) return {};
      const found = await status(id);
      return {
        ...(found === null ? {} : { flow_status: JSON.stringify(found) }),
        ...(code ? { raw_flow: await flowText(db, id) } : {}),
      };
    },
  };
}
