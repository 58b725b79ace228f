import { expect, test } from "vitest";
import { z } from "zod";
import { errorTable } from "./error.ts";
import { openapi } from "./openapi.ts";
import { operation } from "./operation.ts";
import { operations } from "./operations/index.ts";
import { windmillOperations } from "./windmill-operations.ts";

test("every operation has an id and a route of its own", () => {
  const ids = operations.map((op) => op.id);
  const routes = operations.map((op) => `${op.method} ${op.path.replaceAll(/\{\w+\}/g, "{}")}`);
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  expect(routes.filter((route, at) => routes.indexOf(route) !== at)).toEqual([]);
});

test("an operation that Windmill documents has Windmill's method and path", () => {
  const known = new Map(windmillOperations.map((op) => [op.id, `${op.method} ${op.path}`]));
  const wrong = operations
    .filter((op) => op.extension !== true && known.has(op.id))
    .filter((op) => known.get(op.id) !== `${op.method} ${op.path}`)
    .map((op) => `${op.id}: ${op.method} ${op.path}, documented as ${known.get(op.id)}`);
  expect(wrong).toEqual([]);
});

test("the document is OpenAPI 3.1 with every operation, and marks what MCP clients may call", () => {
  const document = openapi(operations, "1.2.3") as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  expect(document.openapi).toMatch(/^3\.1/);
  const listed = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((op) => op.operationId));
  expect(new Set(listed)).toEqual(new Set(operations.map((op) => op.id)));
  const marked = operation({
    id: "x",
    method: "GET",
    path: "/x/{id}",
    tag: "T",
    summary: "S",
    access: "user",
    query: z.object({ n: z.coerce.number().optional() }),
    answer: z.string(),
    media: "text",
    mcp: { instructions: "Do it" },
  });
  expect(openapi([marked], "1").paths).toMatchObject({
    "/x/{id}": {
      get: {
        "x-mcp-tool": true,
        "x-mcp-instructions": "Do it",
        parameters: [
          { name: "id", in: "path" },
          { name: "n", in: "query" },
        ],
      },
    },
  });
});

test("every error has a status that clients understand and says what to do", () => {
  for (const { status, hint } of errorTable) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(hint.length).toBeGreaterThan(10);
  }
});
