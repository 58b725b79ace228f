import { operation, operations, type OperationSpec } from "@towermill/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readArguments } from "./arguments.ts";
import { endpointTools, type EndpointTool } from "./tool.ts";

const tools = endpointTools(operations);

function tool(name: string): EndpointTool {
  return tools.get(name) ?? expect.fail(`${name} is no tool`);
}

const update: OperationSpec = operation({
  id: "updateThing",
  method: "POST",
  path: "/w/{workspace}/things/update/{path}",
  tag: "Thing",
  summary: "Update a thing",
  access: "developer",
  params: z.object({ workspace: z.string(), path: z.string() }),
  query: z.object({ force: z.enum(["true", "false", ""]).optional(), limit: z.coerce.number().optional() }),
  body: z.object({ path: z.string(), value: z.string(), size: z.number().optional() }),
  answer: z.string(),
  mcp: { instructions: "" },
});
const thing = endpointTools([update]).get("updateThing") ?? expect.fail();

describe("the calls of the testing plan, word for word", () => {
  test.each([
    [
      "createFlow",
      { workspace: "admins", body: { path: "f/test/example_flow", summary: "Test flow", value: { modules: [] } } },
      { params: {}, query: {}, body: { path: "f/test/example_flow", summary: "Test flow", value: { modules: [] } } },
    ],
    [
      "updateFlow",
      {
        workspace: "admins",
        path: "f/test/example_flow",
        body: { summary: "Updated test flow", deployment_message: "Updated via MCP" },
      },
      {
        params: { path: "f/test/example_flow" },
        query: {},
        body: { summary: "Updated test flow", deployment_message: "Updated via MCP" },
      },
    ],
    [
      "archiveFlowByPath",
      { workspace: "admins", path: "f/test/example_flow", body: { archived: true } },
      { params: { path: "f/test/example_flow" }, query: {}, body: { archived: true } },
    ],
    [
      "deleteFlowByPath",
      { workspace: "admins", path: "f/test/example_flow", query: { keep_captures: false } },
      { params: { path: "f/test/example_flow" }, query: { keep_captures: "false" }, body: undefined },
    ],
  ])("%s", (name, args, request) => {
    expect(readArguments(tool(name), args)).toEqual({ workspace: "admins", confirmed: false, ...request });
  });
});

describe("shapes", () => {
  test("every shape of one call is the same request", () => {
    const value = fc.record({
      path: fc.string({ minLength: 1 }),
      value: fc.string(),
      size: fc.option(fc.integer(), { nil: undefined }),
      force: fc.boolean(),
    });
    fc.assert(
      fc.property(value, ({ path, force, ...rest }) => {
        const fields = JSON.parse(JSON.stringify(rest)) as Record<string, unknown>;
        const suffixed = Object.fromEntries(Object.entries(fields).map(([name, each]) => [`${name}__body`, each]));
        const shapes = [
          { path, force, ...fields },
          { workspace: null, path, query: { force }, body: { path, ...fields } },
          { path, force, body: fields },
          { path__path: path, force__query: force, ...suffixed },
          { force, body: { path, ...fields } },
          { path, force: String(force), body: JSON.stringify(fields) },
        ];
        const requests = shapes.map((shape) => readArguments(thing, shape));
        for (const request of requests)
          expect(request).toEqual({
            workspace: null,
            params: { path },
            query: { force: String(force) },
            body: { path, ...fields },
            confirmed: false,
          });
      }),
    );
  });

  test.each([
    [{ valeu: "x", path: "p" }, "valeu: updateThing takes no such argument"],
    [{ value: "x" }, "path: is required"],
    [{ path: "p", body: [1] }, "body: expected an object, got an array"],
    [{ path: "p", body: "{" }, "body: expected an object, got a text that is not JSON"],
    [{ path: "p", query: { nothing: 1 } }, "query.nothing: updateThing takes no such argument"],
  ])("%j is refused by name", (args, message) => {
    expect(() => readArguments(thing, args)).toThrow(message);
  });

  test("a misspelt name is told the one that was meant", () => {
    expect(() => readArguments(thing, { valeu: "x", path: "p" })).toThrow(
      expect.objectContaining({ hint: "Did you mean value?" }),
    );
  });

  test("a run takes its arguments as args or body", () => {
    const run = tool("runScriptByPath");
    for (const args of [
      { path: "p", args: { a: 1 } },
      { path: "p", body: { a: 1 } },
    ])
      expect(readArguments(run, args).body).toEqual({ a: 1 });
    expect(readArguments(run, { path: "p" }).body).toEqual({});
  });
});

describe("the catalogue", () => {
  test("says of every tool what it does, whether it changes anything, and what it answers", () => {
    for (const each of tools.values()) {
      const { description, annotations, outputSchema, name } = each.shown.bound;
      expect([name, description.length > 20, typeof annotations.readOnlyHint, outputSchema?.type]).toEqual([
        name,
        true,
        "boolean",
        "object",
      ]);
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,40}$/);
      expect([name, annotations.readOnlyHint && annotations.destructiveHint]).toEqual([name, false]);
    }
  });

  test("has every way to change flows, scripts, apps, variables, resources and schedules", () => {
    const wanted = [
      "createFlow",
      "updateFlow",
      "archiveFlowByPath",
      "deleteFlowByPath",
      "createScript",
      "archiveScriptByPath",
      "createApp",
      "updateApp",
      "deleteApp",
      "createVariable",
      "updateVariable",
      "deleteVariable",
      "createResource",
      "updateResource",
      "deleteResource",
      "createSchedule",
      "updateSchedule",
      "deleteSchedule",
    ];
    expect(wanted.filter((name) => !tools.has(name))).toEqual([]);
  });
});
