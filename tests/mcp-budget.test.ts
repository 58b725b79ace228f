import { beforeAll, describe, expect, test } from "vitest";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";
import { tokenizer } from "./support/npm-tool.ts";

/** What a client pays for being connected, in the tokens of a current model. */

const count = await tokenizer();
let world: McpWorld;

beforeAll(async () => {
  world = await mcpWorld();
});

interface Tool {
  name: string;
  title?: string;
  description: string;
  inputSchema: object;
  outputSchema?: object;
  annotations: { readOnlyHint: boolean; destructiveHint: boolean };
}

async function listed(path: string): Promise<Tool[]> {
  const { message } = await world.rpc("alice", "tools/list", { path });
  return (message?.result?.tools ?? []) as unknown as Tool[];
}

/** What models are shown of a tool. */
function cost({ name, description, inputSchema, annotations }: Tool): number {
  return count?.(JSON.stringify({ name, description, inputSchema, annotations })) ?? 0;
}

const total = (tools: readonly Tool[]): number => tools.reduce((sum, tool) => sum + cost(tool), 0);

const everything = "toolsets=docs,scripts,flows,apps,variables,resources,schedules,folders,jobs,workers,drafts,trash";

describe.skipIf(count === null)("a catalogue costs at most", () => {
  test.each([
    ["lean", "/api/mcp/w/w/mcp?mode=lean", 800],
    ["lean, over all workspaces", "/api/mcp?mode=lean", 800],
    ["session", "/api/mcp/w/w/mcp?mode=session", 7000],
    ["session, over all workspaces: the default of /api/mcp", "/api/mcp", 7000],
    ["every endpoint", `/api/mcp?${everything}`, 12_000],
  ])("%s", async (_, path, most) => {
    const tokens = total(await listed(path));
    process.stdout.write(`${path}: ${tokens} tokens\n`);
    expect(tokens).toBeLessThanOrEqual(most);
    expect(tokens).toBeGreaterThan(most / 10);
  });

  test("450 tokens for the dearest tool, 1,500 characters for a description, 2,000 for the instructions", async () => {
    const tools = await listed(`/api/mcp?${everything}`);
    const dearest = tools
      .map((tool) => ({ name: tool.name, tokens: cost(tool) }))
      .sort((a, b) => b.tokens - a.tokens)[0];
    process.stdout.write(`the dearest: ${dearest?.name ?? ""}, ${dearest?.tokens ?? 0} tokens\n`);
    expect(dearest?.tokens).toBeLessThanOrEqual(450);
    expect(Math.max(...tools.map((tool) => tool.description.length))).toBeLessThanOrEqual(1500);
    const { message } = await world.rpc("alice", "initialize", {
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "suite", version: "1" } },
    });
    const { instructions = "" } = (message?.result ?? {}) as { instructions?: string };
    expect([instructions.length > 100, instructions.length <= 2000]).toEqual([true, true]);
  });

  test("120 tokens more for each script", async () => {
    const before = total(await listed("/api/mcp/w/w/mcp"));
    for (let number = 0; number < 100; number += 1) {
      await world.addScript({
        path: `f/a/report_${number}`,
        summary: "Sends the monthly report to a customer",
        schema: {
          type: "object",
          properties: {
            customer: { type: "string", description: "Name of the customer" },
            month: { type: "string", format: "date" },
            copies: { type: "integer", default: 1 },
          },
          required: ["customer", "month"],
        },
      });
    }
    const each = (total(await listed("/api/mcp/w/w/mcp")) - before) / 100;
    process.stdout.write(`a script: ${each} tokens\n`);
    expect(each).toBeGreaterThan(40);
    expect(each).toBeLessThanOrEqual(120);
  });
});

test("every tool has a title, a description, annotations, and an output schema whose root is an object", async () => {
  const paths = ["/api/mcp/w/w/mcp", "/api/mcp", `/api/mcp?${everything}`, "/api/mcp/w/w/mcp?mode=lean"];
  const tools = (await Promise.all(paths.map(listed))).flat();
  const wanting = tools.filter(
    ({ title, description, outputSchema, annotations }) =>
      !title ||
      description.length < 20 ||
      typeof annotations.readOnlyHint !== "boolean" ||
      (annotations.readOnlyHint && annotations.destructiveHint) ||
      (outputSchema as { type?: string } | undefined)?.type !== "object",
  );
  expect([tools.length > 150, wanting.map((tool) => tool.name)]).toEqual([true, []]);
});
