import type { flowsOperations } from "@towermill/contract";
import type { Call } from "../http/call.ts";
import { readableFlow } from "../flows/find.ts";
import { listedTokenJson, webhookTokens } from "../identity/listed-token.ts";
import type { Services } from "../services.ts";
import { triggerCounts } from "./triggers-runnable.ts";

type CallOf<Id extends string> = Call<Extract<(typeof flowsOperations)[number], { id: Id }>>;

/** What starts a flow: schedules, and tokens made for its webhook. */
export function flowTriggers({ db }: Services) {
  const tokensOf = ({ member, params }: Pick<CallOf<"listTokensOfFlow">, "member" | "params">) =>
    webhookTokens(db, member, `jobs:run:flows:${params.path}`);
  return {
    async getTriggersCountOfFlow(call: CallOf<"getTriggersCountOfFlow">) {
      const { path } = await readableFlow(db, call, call.params.path);
      const counts = await triggerCounts(db, { workspace: call.member.workspace, path, isFlow: true });
      return { ...counts, webhook_count: (await tokensOf(call)).length };
    },
    async listTokensOfFlow(call: CallOf<"listTokensOfFlow">) {
      await readableFlow(db, call, call.params.path);
      return (await tokensOf(call)).map(listedTokenJson);
    },
  };
}
