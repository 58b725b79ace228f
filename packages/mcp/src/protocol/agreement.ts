import {
  createRequestStateCodec,
  inputRequired,
  inputResponse,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { AskedResult, CallContext, Question } from "../call.ts";

const key = "confirm";

interface Sealed {
  digest: string;
}

/** Seals what a question was about, so that the answer to one call cannot confirm another. */
export function createSeal(secret: Buffer) {
  return createRequestStateCodec<Sealed>({
    key: secret,
    ttlSeconds: 600,
    bind: (ctx) => `${ctx.mcpReq.method}\0${ctx.http?.authInfo?.clientId ?? ""}`,
  });
}

export type Seal = ReturnType<typeof createSeal>;

/**
 * Asks the person behind the client before something is destroyed, where the client can put a question to them. Clients
 * that cannot are told by the tool's annotations, and ask for themselves.
 */
export function agreement(
  server: Server,
  seal: Seal,
  ctx: ServerContext,
): Pick<CallContext, "agreed" | "ask" | "canAsk"> {
  const { inputResponses } = ctx.mcpReq;
  const canAsk = server.getClientCapabilities()?.elicitation !== undefined;
  return {
    canAsk,
    async agreed({ digest }: Question) {
      if (!canAsk) return "yes";
      if (ctx.mcpReq.requestState<Sealed>()?.digest !== digest) return "ask";
      const answer = inputResponse(inputResponses, key);
      if (answer.kind !== "elicit") return "ask";
      return answer.action === "accept" && answer.content?.[key] === true ? "yes" : "no";
    },
    async ask({ text, digest }: Question) {
      const asked = inputRequired({
        inputRequests: {
          [key]: inputRequired.elicit({
            message: text,
            requestedSchema: {
              type: "object",
              properties: { [key]: { type: "boolean", title: "Go on" } },
              required: [key],
            },
          }),
        },
        requestState: await seal.mint({ digest }, ctx),
      });
      return asked as unknown as AskedResult;
    },
  };
}
