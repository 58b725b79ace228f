import { createHash } from "node:crypto";
import { ApiError } from "@towermill/contract";
import type { AskedResult, CallContext, Question } from "./call.ts";
import { readArguments, type EndpointRequest } from "./endpoint/arguments.ts";
import { callEndpoint } from "./endpoint/call.ts";
import { endpointTools, type EndpointTool, type ShownTool } from "./endpoint/tool.ts";
import { enterWorkspace } from "./enter.ts";
import { nearest, ToolFailure } from "./failure.ts";
import type { Host } from "./host.ts";
import { orphanedSchedules } from "./in-use.ts";
import { callLean, isLean } from "./lean.ts";
import type { TaskResult } from "./job/task.ts";
import { favoritesOf, isOffered, listLean, listTools, type Stock } from "./listing.ts";
import { ownTools } from "./own-tools.ts";
import { failureResult, type ToolResult } from "./result.ts";
import { runRunnable } from "./runnable/call.ts";
import type { Catalogue } from "./runnable/catalogue.ts";
import type { Runnable } from "./runnable/runnable.ts";
import { inWorkspace, type Session, type WorkspaceSession } from "./session.ts";
import { judgeRunnable } from "./verdict.ts";

type Arguments = Readonly<Record<string, unknown>>;
type Answer = ToolResult | AskedResult | TaskResult;

export interface Asked {
  name: string;
  args: Arguments;
  context: CallContext;
}

/** No tool of this name is there for the caller: a fault of the protocol, not of a run. */
export class UnknownTool extends Error {}

/** All tools of an instance: what a session sees of them, and calls. */
export interface Toolbox {
  readonly endpoints: ReadonlyMap<string, EndpointTool>;
  list(session: Session): Promise<ShownTool[]>;
  /** @throws UnknownTool; every other failure is a result */
  call(session: Session, asked: Asked): Promise<ToolResult | AskedResult | TaskResult>;
}

type Shop = Stock;

interface Destruction {
  tool: EndpointTool;
  request: EndpointRequest;
  context: CallContext;
}

/** Whether what goes can come back: items at paths wait in the trash, what is archived is deployed again. */
function fateOf({ tool, request }: Destruction): "kept" | "archived" | "gone" {
  if (!tool.name.startsWith("delete")) return "archived";
  return request.params["path"] === undefined ? "gone" : "kept";
}

const endings = { kept: " It stays in the trash for three days.", archived: "", gone: " This cannot be undone." };

/** What the person behind the client is asked before something is destroyed. */
function questionFor(session: Session, wanted: Destruction, schedules: readonly string[]): Question {
  const { tool, request } = wanted;
  const what = request.params["path"] ?? request.params["id"] ?? request.params["name"] ?? "it";
  const inUse = schedules.length > 0 ? ` It is run by ${schedules.slice(0, 5).join(", ")}.` : "";
  const about = JSON.stringify([session.principal.id, session.workspace, tool.name, request]);
  return {
    text: `${tool.operation.summary.split(/[;,]/)[0] ?? tool.name}: ${what}?${inUse}${endings[fateOf(wanted)]}`,
    digest: createHash("sha256").update(about).digest("base64url"),
  };
}

/**
 * Asks before something is destroyed. Where the client cannot ask, what is in use or gone for good needs its word that the
 * user agrees.
 * @returns the question where it has to go out first @throws ToolFailure on a no
 */
async function agree({ host }: Shop, session: Session, wanted: Destruction): Promise<AskedResult | null> {
  const { tool, request, context } = wanted;
  if (!tool.destructive || tool.runs || request.confirmed || request.body?.["archived"] === false) return null;
  const inside = inWorkspace(session);
  const schedules = inside ? await orphanedSchedules(host, inside, wanted) : [];
  if (!context.canAsk && schedules.length > 0) {
    throw new ToolFailure(
      `${tool.name}: enabled schedules run it: ${schedules.slice(0, 5).join(", ")}; nothing was done`,
      "If the user agrees, call again with confirm: true; setScheduleEnabled turns a schedule off.",
    );
  }
  if (!context.canAsk && fateOf(wanted) === "gone")
    throw new ToolFailure(
      `${tool.name}: this cannot be undone; nothing was done`,
      "If the user agrees, call again with confirm: true.",
    );
  const question = questionFor(session, wanted, schedules);
  const answer = await context.agreed(question);
  if (answer === "no") throw new ToolFailure(`${tool.name}: the user did not agree, nothing was done`);
  return answer === "ask" ? context.ask(question) : null;
}

async function callOperation(
  shop: Shop,
  session: Session,
  { tool, args, context }: { tool: EndpointTool; args: Arguments; context: CallContext },
): Promise<Answer> {
  const request = readArguments(tool, args);
  const inside = tool.ofWorkspace ? await enterWorkspace(shop.host, session, request.workspace) : session;
  const asked = await agree(shop, inside, { tool, request, context });
  if (asked) return asked;
  const favorites = await favoritesOf(shop, inside);
  return callEndpoint(shop.host, inside, { tool, request, favorites, signal: context.signal });
}

async function unknown(shop: Shop, session: Session, name: string): Promise<UnknownTool> {
  const near = nearest(
    name,
    (await listTools(shop, session)).map((tool) => tool.name),
  );
  return new UnknownTool(`Unknown tool: ${name.slice(0, 200)}${near ? `. Did you mean ${near}?` : ""}`);
}

/** The script or flow of a name. What was deployed this very moment may not be known yet, so a miss is looked up again. */
async function findRunnable({ catalogue }: Shop, { member }: WorkspaceSession, name: string): Promise<Runnable | null> {
  const known = await catalogue.find(member, name);
  if (known) return known;
  catalogue.forget(member.workspace);
  return catalogue.find(member, name);
}

async function callRunnable(shop: Shop, session: Session, { name, args, context }: Asked): Promise<Answer> {
  const inside = inWorkspace(session);
  const runnable = inside ? await findRunnable(shop, inside, name) : null;
  if (!inside || !runnable) throw await unknown(shop, session, name);
  const isFavorite = (await favoritesOf(shop, inside)).has(`${runnable.kind}:${runnable.path}`);
  const verdict = judgeRunnable(inside, runnable, isFavorite);
  if (!verdict.allowed) throw new ToolFailure(`${name} is not available: ${verdict.reason}`);
  return runRunnable(shop.host, inside, { runnable, args, context });
}

async function callTool(shop: Shop, session: Session, asked: Asked): Promise<Answer> {
  const { name, args, context } = asked;
  const own = ownTools.get(name);
  if (own && isOffered(shop.host, session, own)) {
    const enter = (given: Arguments) => {
      const named = given["workspace"] ?? given["workspace_id"];
      return enterWorkspace(shop.host, session, typeof named === "string" ? named : null);
    };
    return own.call(shop.host, session, { args, context, enter });
  }
  const tool = shop.endpoints.get(name);
  return tool ? callOperation(shop, session, { tool, args, context }) : callRunnable(shop, session, asked);
}

/** Failures that a model can do something about are results it reads. */
async function guarded(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ToolFailure) return failureResult(error);
    if (error instanceof ApiError) return failureResult(new ToolFailure(error.message, error.hint));
    throw error;
  }
}

export function createToolbox(host: Host, catalogue: Catalogue): Toolbox {
  const shop: Shop = { host, catalogue, endpoints: endpointTools(host.operations) };
  const catalog = {
    list: (session: Session) => listTools(shop, session),
    call: (session: Session, asked: Asked) => callTool(shop, session, asked),
  };
  return {
    endpoints: shop.endpoints,
    list: async (session) => (session.narrowing.mode === "lean" ? listLean(shop, session) : listTools(shop, session)),
    call: (session, asked) => {
      const isMeta = session.narrowing.mode === "lean" && isLean(asked.name);
      return guarded(() => (isMeta ? callLean(catalog, session, asked) : callTool(shop, session, asked)));
    },
  };
}
