import { ApiError } from "@towermill/contract";
import type { DeployedFlows, FlowDriver } from "@towermill/flow-driver";
import type { Services } from "../services.ts";
import { gateOf, type Gate } from "./gate.ts";
import { isSignatureOf, type Signed } from "./signature.ts";

/** What approvals need besides the services. */
export interface ApprovalContext {
  services: Services;
  driver: FlowDriver;
  flows: DeployedFlows;
}

/** @throws ApiError `not_found` */
export function gateAt({ services, flows }: ApprovalContext, workspace: string, job: string): Promise<Gate> {
  return gateOf({ db: services.db, deployed: flows }, { workspace, job });
}

/** @throws ApiError `forbidden` */
export async function requireSigned({ services }: ApprovalContext, signed: Signed, signature: string): Promise<void> {
  if (await isSignatureOf(services.vault, signed, signature)) return;
  throw new ApiError("forbidden", "Invalid signature: the address was changed, or is of another job");
}
