import type { AskedResult, CallContext } from "./call.ts";
import { requireArgument, ToolFailure } from "./failure.ts";
import type { TaskResult } from "./job/task.ts";
import { jsonResult, type ToolResult } from "./result.ts";
import type { Session } from "./session.ts";
import type { ShownTool } from "./endpoint/tool.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** What the meta tools stand on. */
export interface Catalog {
  list(session: Session): Promise<ShownTool[]>;
  call(
    session: Session,
    asked: { name: string; args: Arguments; context: CallContext },
  ): Promise<ToolResult | AskedResult | TaskResult>;
}

const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** The three tools that stand for all others where a client pays for every tool it is shown. */
export const leanTools: readonly ShownTool[] = [
  {
    name: "search_tools",
    title: "Search tools",
    description:
      "Finds tools by words: everything of the workspace (scripts, flows, variables, jobs…) is one. Answers names and what they do.",
    inputSchema: {
      type: "object",
      properties: { query: { type: "string" }, limit: { type: "integer" } },
      required: ["query"],
    },
    outputSchema: { type: "object", properties: { items: { type: "array" }, found: { type: "number" } } },
    annotations: reads,
  },
  {
    name: "describe_tools",
    title: "Describe tools",
    description: "Answers the input schema of tools by their names.",
    inputSchema: {
      type: "object",
      properties: { names: { type: "array", items: { type: "string" } } },
      required: ["names"],
    },
    outputSchema: { type: "object", properties: { items: { type: "array" } } },
    annotations: reads,
  },
  {
    name: "call_tool",
    title: "Call a tool",
    description: "Calls a tool found with search_tools.",
    inputSchema: {
      type: "object",
      properties: { name: { type: "string" }, arguments: { type: "object" } },
      required: ["name"],
    },
    outputSchema: { type: "object" },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  },
];

const leanNames = new Set(leanTools.map((tool) => tool.name));

export function isLean(name: string): boolean {
  return leanNames.has(name);
}

function words(text: string): string[] {
  return text
    .replaceAll(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 1);
}

/** How well a tool fits a query: a hit in the name counts more than one in the description. */
function score(tool: ShownTool, wanted: readonly string[]): number {
  const name = words(`${tool.name} ${tool.title ?? ""}`);
  const about = words(tool.description);
  const hit = (list: readonly string[], word: string): boolean =>
    list.some((each) => each.startsWith(word) || (each.length > 3 && word.startsWith(each)));
  return wanted.reduce((sum, word) => sum + (hit(name, word) ? 3 : 0) + (hit(about, word) ? 1 : 0), 0);
}

async function search(catalog: Catalog, session: Session, args: Arguments): Promise<ToolResult> {
  const wanted = words(requireArgument(args, "query"));
  const limit = typeof args["limit"] === "number" ? Math.min(Math.max(1, args["limit"]), 50) : 12;
  const all = await catalog.list(session);
  const ranked = all.map((tool) => ({ tool, points: score(tool, wanted) })).filter((each) => each.points > 0);
  ranked.sort((a, b) => b.points - a.points || a.tool.name.localeCompare(b.tool.name));
  const items = ranked
    .slice(0, limit)
    .map(({ tool }) => ({ name: tool.name, about: tool.description.split("\n")[0]?.slice(0, 160) }));
  return jsonResult({ items, found: ranked.length, tools: all.length });
}

async function describeTools(catalog: Catalog, session: Session, args: Arguments): Promise<ToolResult> {
  const names = args["names"];
  if (!Array.isArray(names)) throw new ToolFailure("names: is required, a list of tool names");
  const all = new Map((await catalog.list(session)).map((tool) => [tool.name, tool]));
  const items = names.slice(0, 20).map((name: unknown) => {
    const tool = all.get(String(name));
    return tool
      ? { name: tool.name, description: tool.description, inputSchema: tool.inputSchema, annotations: tool.annotations }
      : { name, error: "no such tool" };
  });
  return jsonResult({ items });
}

/** Answers a meta tool; what it calls is judged like any direct call. */
export async function callLean(
  catalog: Catalog,
  session: Session,
  { name, args, context }: { name: string; args: Arguments; context: CallContext },
): Promise<ToolResult | AskedResult | TaskResult> {
  if (name === "search_tools") return search(catalog, session, args);
  if (name === "describe_tools") return describeTools(catalog, session, args);
  const inner = requireArgument(args, "name");
  if (isLean(inner)) throw new ToolFailure(`name: ${inner} is called directly`);
  const given = args["arguments"] ?? {};
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ToolFailure("arguments: expected an object");
  return catalog.call(session, { name: inner, args: given as Arguments, context });
}
