import { z } from "zod";
import type { OperationSpec } from "./operation.ts";

type Json = Record<string, unknown>;

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any", target: "draft-2020-12" }) as Json;
  delete made["$schema"];
  return made;
}

function parametersOf(op: OperationSpec): Json[] {
  const inPath = Array.from(op.path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  if (!op.query) return inPath;
  const query = schemaOf(op.query, "input") as { properties?: Record<string, Json>; required?: string[] };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: query.required?.includes(name) ?? false,
    schema,
  }));
  return [...inPath, ...inQuery];
}

const mediaTypes = {
  json: "application/json",
  text: "text/plain",
  "event-stream": "text/event-stream",
  binary: "application/octet-stream",
} as const;

function operationObject(op: OperationSpec): Json {
  const media = mediaTypes[op.media ?? "json"];
  return {
    operationId: op.id,
    summary: op.summary,
    tags: [op.tag],
    ...(op.mcp ? { "x-mcp-tool": true, "x-mcp-instructions": op.mcp.instructions } : {}),
    ...(op.access === "public" ? { security: [] } : {}),
    parameters: parametersOf(op),
    ...(op.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content:
              op.body === "raw"
                ? { "application/octet-stream": { schema: {} } }
                : { "application/json": { schema: schemaOf(op.body, "input") } },
          },
        }),
    responses: {
      [String(op.status ?? 200)]: {
        description: op.summary,
        content: { [media]: { schema: schemaOf(op.answer, "output") } },
      },
      default: { description: "Error", content: { "text/plain": { schema: { type: "string" } } } },
    },
  };
}

/** The OpenAPI 3.1 document of a list of operations. Pure: the same list gives the same document. */
export function openapi(operations: readonly OperationSpec[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const op of operations) {
    paths[op.path] = { ...paths[op.path], [op.method.toLowerCase()]: operationObject(op) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Towermill API", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/api" }],
    security: [{ bearer: [] }, { cookie: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        cookie: { type: "apiKey", in: "cookie", name: "token" },
      },
    },
  };
}
