import { nearest, ToolFailure } from "../failure.ts";
import type { EndpointTool } from "./tool.ts";
import type { ObjectSchema } from "./schema.ts";

/** A tool call as the request it stands for. */
export interface EndpointRequest {
  /** The workspace the arguments name, `null` when they name none. */
  workspace: string | null;
  params: Record<string, string>;
  query: Record<string, string>;
  /** `undefined` = no body. */
  body: Record<string, unknown> | undefined;
  /** The caller asked for a destructive call in so many words. */
  confirmed: boolean;
}

type Arguments = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.map((each) => textOf(name, each)).join(",");
  if (isObject(value)) return JSON.stringify(value);
  throw new ToolFailure(`${name}: expected a string, got ${value === null ? "null" : typeof value}`);
}

/** Where each flat name goes; the suffixes `__path`, `__query`, `__body` say it outright. */
function placeOf(name: string, tool: EndpointTool): { part: "params" | "query" | "body"; field: string } | null {
  const [, field = name, part] = /^(.+)__(path|query|body)$/.exec(name) ?? [];
  const inBody =
    tool.body === "raw" ||
    (tool.body !== null && (field in tool.body.properties || "additionalProperties" in tool.body));
  const takes = {
    path: tool.params.includes(field),
    query: tool.query !== null && field in tool.query.properties,
    body: inBody,
  };
  if (part === "path" && takes.path) return { part: "params", field };
  if (part === "query" && takes.query) return { part: "query", field };
  if (part === "body" && takes.body) return { part: "body", field };
  if (tool.params.includes(name)) return { part: "params", field: name };
  if (tool.query !== null && name in tool.query.properties) return { part: "query", field: name };
  if (
    tool.body !== null &&
    tool.body !== "raw" &&
    (name in tool.body.properties || "additionalProperties" in tool.body)
  )
    return { part: "body", field: name };
  return null;
}

function knownNames(tool: EndpointTool): string[] {
  const body =
    tool.body === null ? [] : tool.body === "raw" ? ["args"] : ["body", ...Object.keys(tool.body.properties)];
  return [...tool.params, ...Object.keys(tool.query?.properties ?? {}), ...body];
}

function refuseUnknown(name: string, tool: EndpointTool): never {
  const names = knownNames(tool);
  const meant = nearest(name, names);
  throw new ToolFailure(
    `${name}: ${tool.name} takes no such argument`,
    meant ? `Did you mean ${meant}?` : `It takes: ${names.join(", ")}.`,
  );
}

/** The parts given as objects of their own: `{workspace, path, query: {…}, body: {…}}`; the rest is flat. */
function splitNested(args: Arguments, tool: EndpointTool) {
  const { workspace, workspace_id: workspaceId, query, body, args: runArgs, confirm, ...rest } = args;
  const flat: Record<string, unknown> = rest;
  const bodyFields = tool.body !== null && tool.body !== "raw" ? tool.body.properties : {};
  const keep = (name: string, value: unknown): void => {
    if (value !== undefined) flat[name] = value;
  };
  const takesRun = tool.body === "raw";
  const nestedBody = takesRun ? (runArgs ?? body) : "body" in bodyFields ? undefined : body;
  if (!takesRun) keep("args", runArgs);
  if (!takesRun && "body" in bodyFields) keep("body", body);
  if (tool.query !== null && "query" in tool.query.properties && !isObject(query)) keep("query", query);
  if (!tool.destructive) keep("confirm", confirm);
  const named = workspace ?? workspaceId;
  return { named, query: isObject(query) ? query : {}, nestedBody, confirm, flat };
}

function parsedBody(value: unknown, tool: EndpointTool): Record<string, unknown> | undefined {
  // Some clients send objects as JSON texts.
  if (typeof value === "string") {
    try {
      return parsedBody(JSON.parse(value), tool);
    } catch {
      throw new ToolFailure("body: expected an object, got a text that is not JSON");
    }
  }
  if (value === undefined || value === null) return undefined;
  if (!isObject(value))
    throw new ToolFailure(`body: expected an object, got ${Array.isArray(value) ? "an array" : typeof value}`);
  return value;
}

/** A path that is asked for twice, in the address and in the body, need be said only once. */
function fillPath(request: EndpointRequest, { body, params }: { body: ObjectSchema; params: readonly string[] }): void {
  const given = request.body ?? {};
  if (params.includes("path") && request.params["path"] === undefined && typeof given["path"] === "string")
    request.params["path"] = given["path"];
  const path = request.params["path"];
  if (body.required.includes("path") && given["path"] === undefined && path !== undefined)
    request.body = { ...given, path };
}

/**
 * Reads the arguments of a call in every shape clients use: flat; `{workspace, body}`; `{path, body}`; `{path, query}`;
 * Windmill's `path__path` and `path__body`. All shapes of one call give the same request.
 * @throws ToolFailure naming the argument
 */
export function readArguments(tool: EndpointTool, args: Arguments): EndpointRequest {
  const { named, query, nestedBody, confirm, flat } = splitNested(args, tool);
  const request: EndpointRequest = {
    workspace: named === undefined || named === null ? null : textOf("workspace", named),
    params: {},
    query: {},
    body: tool.body === null ? undefined : parsedBody(nestedBody, tool),
    confirmed: confirm === true,
  };
  for (const [name, value] of Object.entries(query)) {
    if (tool.query === null || !(name in tool.query.properties)) refuseUnknown(`query.${name}`, tool);
    if (value !== null && value !== undefined) request.query[name] = textOf(`query.${name}`, value);
  }
  for (const [name, value] of Object.entries(flat)) {
    const place = placeOf(name, tool);
    if (!place) refuseUnknown(name, tool);
    if (place.part === "body") request.body = { ...request.body, [place.field]: value };
    else if (value !== null && value !== undefined) request[place.part][place.field] = textOf(name, value);
  }
  if (tool.body !== null && tool.body !== "raw") fillPath(request, { body: tool.body, params: tool.params });
  for (const name of tool.params) {
    if (request.params[name] === undefined)
      throw new ToolFailure(`${name}: is required`, `${tool.name} takes: ${knownNames(tool).join(", ")}.`);
  }
  if (tool.body !== null) request.body ??= {};
  return request;
}
