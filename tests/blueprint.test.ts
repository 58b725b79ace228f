import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startProcess, testFolder } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { root, startInstance } from "./support/instance.ts";

const instance = await startInstance({ env: { TOWERMILL_MEMORY_LIMIT_MB: "384" } });

async function runExample(env: Record<string, string> = {}) {
  const folder = testFolder();
  const example = await startProcess({
    command: [process.execPath, join(root, "examples/runner/main.mjs")],
    env: { TMPDIR: folder, ...env },
  });
  const { code } = await example.ended;
  return { code, output: example.output(), left: readdirSync(folder) };
}

const given = { TOWERMILL_URL: instance.url, TOWERMILL_TOKEN: instance.token, TOWERMILL_MEMORY_LIMIT_MB: "384" };

describe("the blueprint example", () => {
  test("runs on a platform of its own, with right results, and leaves nothing", { timeout: 120_000 }, async () => {
    const { code, output, left } = await runExample();
    expect(output).toMatch(/^ok +u\/clay\/parallel_execution .* 20 operations in \d+ ms/m);
    expect(output).toMatch(/^ok +u\/clay\/memory_limits .* 64 MB held/m);
    expect(output).toMatch(/^ok +u\/clay\/memory_limits .* failed as it must: .* memory limit of 384/m);
    expect(output).toMatch(/^ok +u\/clay\/memory_limits .* the worker lives on/m);
    expect(output).toMatch(/^ok +u\/clay\/database_stress .* 500 updates over 20 connections, none lost/m);
    expect(output).toMatch(/^ok +u\/clay\/complex_workflow .* extract → validate → enrich → aggregate/m);
    expect(output).toContain("All results are right.");
    expect({ code, left }).toEqual({ code: 0, left: [] });
  });

  test("runs on a platform that is given, twice, and its jobs stay there", { timeout: 120_000 }, async () => {
    expect(await runExample(given)).toMatchObject({ code: 0, left: [] });
    const second = await runExample(given);
    expect(second.output).toMatch(/aggregate, run 2/);
    const jobs = await instance.json<{ script_path: string; success: boolean }[]>(
      "GET",
      "/w/blueprint/jobs/list?success=false",
    );
    expect(jobs.map(({ script_path }) => script_path)).toEqual(["u/clay/memory_limits", "u/clay/memory_limits"]);
    const versions = await instance.json<unknown[]>("GET", "/w/blueprint/scripts/history/p/u/clay/complex_workflow");
    expect(versions).toHaveLength(1);
  });

  test("says what is wrong when the platform refuses it", async () => {
    const refused = await runExample({ ...given, TOWERMILL_TOKEN: "not a token" });
    expect(refused).toMatchObject({ code: 1, left: [] });
    expect(refused.output).toMatch(/example: wmill workspace add ended with code 1:[\s\S]*Unauthorized/);
    const tokenless = await runExample({ TOWERMILL_URL: instance.url });
    expect(tokenless).toMatchObject({ code: 1, output: expect.stringContaining("set TOWERMILL_TOKEN too") });
  });
});
