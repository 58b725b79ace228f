import type { OperationSpec } from "@towermill/contract";
import { presentationOf, type Presentation } from "./presentation.ts";
import { answerSchema, objectSchema, withoutRepeats, type ObjectSchema, type Schema } from "./schema.ts";

/** A tool as `tools/list` shows it. */
export interface ShownTool {
  [key: string]: unknown;
  name: string;
  title?: string;
  description: string;
  inputSchema: { [key: string]: unknown; type: "object" };
  outputSchema?: { [key: string]: unknown; type: "object" };
  annotations: { readOnlyHint: boolean; destructiveHint: boolean; idempotentHint: boolean; openWorldHint: boolean };
}

/** A marked operation of the contract as a tool. */
export interface EndpointTool {
  name: string;
  operation: OperationSpec;
  toolset: string;
  readOnly: boolean;
  destructive: boolean;
  /** Starts or stops deployed things. */
  runs: boolean;
  presentation: Presentation;
  /** Names of path parameters, `workspace` left out. */
  params: readonly string[];
  /** Whether the operation is of one workspace. */
  ofWorkspace: boolean;
  query: ObjectSchema | null;
  /** `"raw"` = the arguments of a run. */
  body: ObjectSchema | "raw" | null;
  /** With the workspace fixed, and with the workspace as an argument. */
  shown: { bound: ShownTool; open: ShownTool };
}

interface Pick {
  names: readonly string[] | undefined;
  /** Parts that another tool describes already. */
  elsewhere?: Readonly<Record<string, string>> | undefined;
}

function pick(schema: ObjectSchema, { names, elsewhere = {} }: Pick): ObjectSchema {
  const shown = (names ?? Object.keys(schema.properties)).filter((name) => name in schema.properties);
  const properties = Object.fromEntries(
    shown.map((name): [string, Schema] => {
      const said = elsewhere[name];
      return [name, said === undefined ? (schema.properties[name] ?? {}) : { type: "object", description: said }];
    }),
  );
  const { $defs, ...rest } = schema;
  const used = $defs !== undefined && JSON.stringify(properties).includes('"$ref"');
  return { ...rest, ...(used ? { $defs } : {}), properties };
}

function plain({ type, properties, required, ...rest }: ObjectSchema): ObjectSchema {
  const short = { ...rest, type, properties } as ObjectSchema;
  if (required.length > 0) short.required = required;
  return short;
}

const rawBody: Schema = { type: "object", description: "Arguments of the run by name" };

function inputSchema(tool: Omit<EndpointTool, "shown">, open: boolean): ObjectSchema {
  const { params, query, body, presentation } = tool;
  const asked = open && tool.ofWorkspace ? ["workspace", ...params] : [...params];
  const properties: Record<string, Schema> = Object.fromEntries(asked.map((name) => [name, { type: "string" }]));
  if (query) Object.assign(properties, pick(query, { names: presentation.query }).properties);
  if (body === "raw") properties["args"] = rawBody;
  else if (body)
    properties["body"] = plain(pick(body, { names: presentation.body, elsewhere: presentation.elsewhere }));
  if (tool.destructive && !tool.runs) properties["confirm"] = { type: "boolean" };
  const required = [
    ...asked,
    ...(query?.required ?? []),
    ...(body !== null && body !== "raw" && body.required.length > 0 ? ["body"] : []),
  ];
  return withoutRepeats(plain({ type: "object", properties, required })) as ObjectSchema;
}

function show(tool: Omit<EndpointTool, "shown">, open: boolean): ShownTool {
  const { operation: op } = tool;
  const idempotent = op.mcp?.idempotent ?? (op.method !== "POST" && op.method !== "PATCH");
  return {
    name: tool.name,
    title: op.summary,
    description: op.mcp?.instructions ?? op.summary,
    inputSchema: inputSchema(tool, open),
    outputSchema: answerSchema(op.answer, op.media !== undefined && op.media !== "json") as ShownTool["inputSchema"],
    annotations: {
      readOnlyHint: tool.readOnly,
      destructiveHint: tool.destructive,
      idempotentHint: idempotent,
      openWorldHint: op.scope?.action === "run",
    },
  };
}

/** The body a caller has to send: what a completion fills in is not required of them. */
function bodyOf(op: OperationSpec, { completion }: Presentation): EndpointTool["body"] {
  if (op.body === undefined || op.body === "raw") return op.body ?? null;
  const schema = objectSchema(op.body);
  return completion
    ? { ...schema, required: schema.required.filter((name) => !completion.fields.includes(name)) }
    : schema;
}

function toolOf(op: OperationSpec): EndpointTool {
  const presentation = presentationOf(op);
  const isRun = op.scope?.action === "run";
  const readOnly = (op.mcp?.readOnly ?? op.method === "GET") && !isRun;
  const tool = {
    name: op.id,
    operation: op,
    toolset: presentation.toolset,
    readOnly,
    destructive: !readOnly && (op.mcp?.destructive ?? op.method === "DELETE"),
    runs: (isRun && !op.runsCallerCode) || op.id === "cancelQueuedJob",
    presentation,
    params: Array.from(op.path.matchAll(/\{(\w+)\}/g), ([, name]) => name ?? "").filter((name) => name !== "workspace"),
    ofWorkspace: op.path.startsWith("/w/{workspace}/"),
    query: op.query ? objectSchema(op.query) : null,
    body: bodyOf(op, presentation),
  };
  return { ...tool, shown: { bound: show(tool, false), open: show(tool, true) } };
}

const built = new WeakMap<readonly OperationSpec[], ReadonlyMap<string, EndpointTool>>();

/** One tool for each marked operation, in the order of the contract. Built once for a list of operations. */
export function endpointTools(operations: readonly OperationSpec[]): ReadonlyMap<string, EndpointTool> {
  const known = built.get(operations);
  if (known) return known;
  const tools = new Map(operations.filter((op) => op.mcp !== undefined).map((op) => [op.id, toolOf(op)]));
  built.set(operations, tools);
  return tools;
}
