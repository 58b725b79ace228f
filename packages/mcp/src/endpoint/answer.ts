import {
  documentLimit,
  documentResult,
  errorResult,
  listResult,
  previewResult,
  textPage,
  textResult,
  usualLimit,
  type Link,
  type ToolResult,
} from "../result.ts";
import type { EndpointRequest } from "./arguments.ts";
import type { EndpointTool } from "./tool.ts";
import type { Schema } from "./schema.ts";

export interface Problem {
  title?: string;
  status?: number;
  detail?: string;
  hint?: string;
}

/** What an error of the API says. */
export function problemOf(text: string, status: number): Problem {
  try {
    const problem = JSON.parse(text) as unknown;
    if (typeof problem === "object" && problem !== null) return problem as Problem;
  } catch {
    // plain text, told as it is
  }
  return { status, detail: text };
}

/** The part of the schema that says what a field named in a complaint must be: `body.path: …` */
function fragmentOf(tool: EndpointTool, complaint: string): string | null {
  const [, part, field] = /(body|query|path)\.([A-Za-z0-9_]+)/.exec(complaint) ?? [];
  if (field === undefined) return null;
  const properties =
    part === "query" ? tool.query?.properties : tool.body === "raw" ? undefined : tool.body?.properties;
  const schema: Schema | undefined = properties?.[field];
  return schema ? `Expected ${part ?? ""}.${field}: ${JSON.stringify(schema).slice(0, 600)}` : null;
}

/** A refusal of the API as what the model can act on: what failed, the field, what was expected, the next step. */
export function refusal(tool: EndpointTool, text: string, status: number): ToolResult {
  const { title, detail = text, hint } = problemOf(text, status);
  const lines = [
    `${tool.name} failed (${status}${title ? ` ${title}` : ""}): ${detail}`,
    fragmentOf(tool, detail),
    hint,
  ];
  return errorResult(lines.filter((line) => line !== null && line !== undefined && line !== "").join("\n"));
}

function linkOf(tool: EndpointTool, { params }: EndpointRequest, workspace: string | null): Link | null {
  const id = params["id"];
  if (workspace === null || id === undefined || tool.operation.scope?.domain !== "jobs") return null;
  const part = tool.name.includes("Logs") ? "/logs" : tool.name.includes("Result") ? "/result" : "";
  return {
    uri: `wm://${workspace}/jobs/${id}${part}`,
    name: `job ${id}${part}`,
    mimeType: part === "/logs" ? "text/plain" : "application/json",
  };
}

interface Context {
  request: EndpointRequest;
  workspace: string | null;
}

/** What the API answered as a tool result: compact, always valid JSON where it is JSON, never cut inside. */
export async function endpointResult(
  tool: EndpointTool,
  response: Response,
  { request, workspace }: Context,
): Promise<ToolResult> {
  const text = await response.text();
  if (response.status >= 400) return refusal(tool, text, response.status);
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  if (!isJson) {
    if (text.length <= usualLimit) return textResult(text, { result: text });
    const link = linkOf(tool, request, workspace);
    const pages = tool.query !== null && "offset" in tool.query.properties;
    return pages ? textPage(text, Number(request.query["offset"] ?? 0), link) : previewResult(text, link);
  }
  const value: unknown = JSON.parse(text === "" ? "null" : text);
  if (Array.isArray(value)) return listResult(text, value, Number(request.query["page"] ?? 1));
  if (typeof value !== "object" || value === null) return textResult(text, { result: value });
  const limit = tool.presentation.document ? documentLimit : usualLimit;
  if (text.length > limit) return previewResult(text, linkOf(tool, request, workspace));
  return documentResult(text, value as Record<string, unknown>);
}
