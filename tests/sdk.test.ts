import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { deployScript, runScript } from "./support/script.ts";

const instance = await startInstance();

interface Update {
  completed?: boolean;
  new_result_stream?: string;
  job?: { result: unknown };
}

const double = `export async function main(n: number) { return { doubled: n * 2 }; }`;

const typescript = `
import sdk, * as wmill from "windmill-client";

export async function main(round: number) {
  await wmill.setVariable("u/admin/ts_variable", "round " + round);
  await wmill.setVariable("u/admin/ts_secret", "hush", true, "a secret");
  await wmill.setResource({ round, nested: { list: [1, "$var:u/admin/ts_variable"] } }, "u/admin/ts_resource", "any");
  const before = await wmill.getState();
  await wmill.setState({ round });
  await wmill.setProgress(30);
  const hash = await wmill.getVariable("u/admin/double_hash");
  const job = await wmill.runScriptByPathAsync("u/admin/double", { n: 21 });
  const awaited = await wmill.waitJob(job);
  return {
    variable: await wmill.getVariable("u/admin/ts_variable"),
    secret: await wmill.getVariable("var://u/admin/ts_secret"),
    resource: await wmill.getResource("u/admin/ts_resource"),
    missing: (await wmill.getResource("u/admin/missing", true)) ?? "nothing",
    before: before ?? "nothing",
    after: await wmill.getState(),
    progress: await wmill.getProgress(),
    root: (await wmill.getRootJobId()) === process.env.WM_JOB_ID,
    byPath: await wmill.runScriptByPath("u/admin/double", { n: 4 }),
    byHash: await wmill.runScriptByHash(hash, { n: 5 }),
    old: await wmill.runScript("u/admin/double", null, { n: 6 }),
    awaited,
    got: await sdk.getResult(job),
    maybe: await sdk.getResultMaybe(job),
    childRoot: (await wmill.getRootJobId(job)) === process.env.WM_JOB_ID,
    workspace: sdk.getWorkspace(),
    user: await sdk.usernameToEmail("admin"),
  };
}`;

const python = `
import os
import wmill

def main(round: int):
    wmill.set_variable("u/admin/py_variable", f"round {round}")
    wmill.set_variable("u/admin/py_secret", "hush", True)
    wmill.set_resource("u/admin/py_resource", {"round": round, "nested": [1, "$var:u/admin/py_variable"]})
    before = wmill.get_state()
    wmill.set_state({"round": round})
    wmill.set_progress(30)
    job = wmill.run_script_by_path_async("u/admin/double", {"n": 21})
    root = wmill.get_root_job_id()
    return {
        "variable": wmill.get_variable("u/admin/py_variable"),
        "secret": wmill.get_variable("u/admin/py_secret"),
        "resource": wmill.get_resource("u/admin/py_resource"),
        "missing": wmill.get_resource("u/admin/missing", none_if_undefined=True),
        "before": before,
        "after": wmill.get_state(),
        "progress": wmill.get_progress(),
        "root": root == os.environ["WM_JOB_ID"],
        "sync": wmill.run_script_sync(wmill.get_variable("u/admin/double_hash"), {"n": 4}),
        "by_path": wmill.run_script_by_path("u/admin/double", {"n": 5}),
        "got": wmill.Windmill().wait_job(job),
        "result": wmill.get_result(job),
        "status": wmill.get_job_status(job),
        "workspace": wmill.get_workspace(),
        "email": wmill.whoami()["email"],
        "user": wmill.username_to_email("admin"),
    }
`;

beforeAll(async () => {
  const hash = await deployScript(instance, { path: "u/admin/double", language: "bun", content: double });
  const variable = { path: "u/admin/double_hash", value: hash, is_secret: false, description: "" };
  await instance.text("POST", "/w/admins/variables/create", { body: variable });
  await deployScript(instance, { path: "u/admin/sdk_ts", language: "bun", content: typescript });
  await deployScript(instance, { path: "u/admin/sdk_py", language: "python3", content: python });
});

describe.each([1, 2, 3])("in run %i of the same script", (round) => {
  test("the official TypeScript SDK reaches everything it offers", async () => {
    const doubled = (n: number) => ({ doubled: n });
    expect(await runScript(instance, { path: "u/admin/sdk_ts", args: { round } })).toEqual({
      variable: `round ${round}`,
      secret: "hush",
      resource: { round, nested: { list: [1, `round ${round}`] } },
      missing: "nothing",
      before: round === 1 ? "nothing" : { round: round - 1 },
      after: { round },
      progress: 30,
      root: true,
      byPath: doubled(8),
      byHash: doubled(10),
      old: doubled(12),
      awaited: doubled(42),
      got: doubled(42),
      maybe: expect.objectContaining({ completed: true, result: doubled(42) }),
      childRoot: true,
      workspace: "admins",
      user: "admin@windmill.dev",
    });
  });

  test("the official Python SDK reaches everything it offers", { timeout: 60_000 }, async () => {
    const doubled = (n: number) => ({ doubled: n });
    expect(await runScript(instance, { path: "u/admin/sdk_py", args: { round } })).toEqual({
      variable: `round ${round}`,
      secret: "hush",
      resource: { round, nested: [1, `round ${round}`] },
      missing: null,
      before: round === 1 ? null : { round: round - 1 },
      after: { round },
      progress: 30,
      root: true,
      sync: doubled(8),
      by_path: doubled(10),
      got: doubled(42),
      result: doubled(42),
      status: "COMPLETED",
      workspace: "admins",
      email: "admin@windmill.dev",
      user: "admin@windmill.dev",
    });
  });
});

describe.each([
  ["node", "bun", "//nodejs\n"],
  ["deno", "deno", ""],
])("the TypeScript SDK in %s", (name, language, header) => {
  const specifier = language === "deno" ? "npm:windmill-client" : "windmill-client";
  const content = `${header}import * as wmill from "${specifier}";
export async function main(n: number) {
  await wmill.setVariable("u/admin/${name}_variable", String(n));
  return { variable: await wmill.getVariable("u/admin/${name}_variable"), id: await wmill.getRootJobId() };
}`;

  test("works in every run of a script", { timeout: 90_000 }, async () => {
    const path = `u/admin/sdk_${name}`;
    await deployScript(instance, { path, language, content });
    const ids = new Set<string>();
    for (const n of [1, 2, 3]) {
      const result = await runScript<{ variable: string; id: string }>(instance, { path, args: { n } });
      expect(result).toMatchObject({ variable: String(n) });
      ids.add(result.id);
    }
    expect(ids.size).toBe(3);
  });
});

describe("what went through the SDK", () => {
  test("a secret is kept as one", async () => {
    const variables = await instance.json<{ path: string; is_secret: boolean; value?: string | null }[]>(
      "GET",
      "/w/admins/variables/list",
    );
    const secret = variables.find(({ path }) => path === "u/admin/ts_secret");
    expect(secret?.is_secret).toBe(true);
    expect(JSON.stringify(variables)).not.toContain("hush");
  });

  test("a child job knows its parent", async () => {
    const jobs = await instance.json<{ id: string; parent_job?: string; script_path: string }[]>(
      "GET",
      "/w/admins/jobs/list?script_path_exact=u/admin/double&per_page=100",
    );
    const parents = new Set(jobs.map(({ parent_job }) => parent_job));
    const scripts = await instance.json<{ id: string }[]>(
      "GET",
      "/w/admins/jobs/list?script_path_exact=u/admin/sdk_ts,u/admin/sdk_py&job_kinds=script&per_page=100",
    );
    for (const { id } of scripts) expect(parents).toContain(id);
  });
});

const words = `yield "one\\n"; yield "two "; await new Promise((done) => setTimeout(done, 400)); yield "three";`;

describe("a streamed result", () => {
  const streams = {
    "the TypeScript SDK": [
      "bun",
      `import * as wmill from "windmill-client";
async function* words() { ${words} }
export async function main() { await wmill.streamResult(words()); }`,
    ],
    "a generator": ["bun", `export async function* main() { ${words} }`],
    "the Python SDK": [
      "python3",
      `import time
import wmill
def words():
    yield "one\\n"
    yield "two "
    time.sleep(0.4)
    yield "three"
def main():
    wmill.stream_result(words())`,
    ],
  };

  test.each(Object.entries(streams))(
    "of %s arrives while the job runs and is the result at the end",
    { timeout: 60_000 },
    async (_name, [language, content]) => {
      const id = await instance.text("POST", "/w/admins/jobs/run/preview", { body: { language, content, args: {} } });
      const events = await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}?running=false`);
      const updates = [...events.matchAll(/^data: (.*)$/gm)].map(([, data = "null"]) => JSON.parse(data) as Update);
      expect(updates.map(({ new_result_stream }) => new_result_stream ?? "").join("")).toMatch(/^one\ntwo (three)?$/);
      expect(updates.at(-1)).toMatchObject({ completed: true, job: { result: "one\ntwo three" } });
      expect(await instance.json("GET", `/w/admins/jobs_u/completed/get_result/${id}`)).toBe("one\ntwo three");
    },
  );
});

test("variables and resources named in arguments arrive as their values, and secrets stay out of job and logs", async () => {
  const secret = "correct-horse-battery";
  await instance.text("POST", "/w/admins/variables/create", {
    body: { path: "u/admin/argument", value: secret, is_secret: true, description: "" },
  });
  const resource = {
    path: "u/admin/argument",
    value: { host: "db", password: "$var:u/admin/argument" },
    resource_type: "any",
  };
  await instance.text("POST", "/w/admins/resources/create", { body: resource });
  const content = `export async function main(database: any, key: string) { console.log("the key is " + key); return { host: database.host, same: database.password === key, long: key.length }; }`;
  await deployScript(instance, { path: "u/admin/arguments", language: "bun", content });
  const body = { database: "$res:u/admin/argument", key: "$var:u/admin/argument" };
  const id = await instance.text("POST", "/w/admins/jobs/run/p/u/admin/arguments", { body });
  await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}?running=false`);
  const result = await instance.json("GET", `/w/admins/jobs_u/completed/get_result/${id}`);
  expect(result).toEqual({ host: "db", same: true, long: secret.length });
  const job = await instance.text("GET", `/w/admins/jobs_u/get/${id}`);
  const logs = await instance.text("GET", `/w/admins/jobs_u/get_logs/${id}`);
  expect(job + logs).not.toContain(secret);
  expect(logs).toContain("the key is ");
});

test("a script without the SDK has what it needs in its environment", async () => {
  const content = `curl -fsS -H "Authorization: Bearer $WM_TOKEN" "$BASE_INTERNAL_URL/api/w/$WM_WORKSPACE/users/whoami" >/dev/null || exit 1
echo "$WM_WORKSPACE $WM_USERNAME $WM_EMAIL $WM_STATE_PATH $WM_JOB_ID"`;
  await deployScript(instance, { path: "u/admin/environment", language: "bash", content });
  const text = await runScript<string>(instance, { path: "u/admin/environment" });
  expect(text).toMatch(/^admins admin admin@windmill.dev u\/admin\/environment[/\w]* [0-9a-f-]{36}$/);
});

test("a job's token is worth nothing after the job", async () => {
  await deployScript(instance, {
    path: "u/admin/token",
    language: "bun",
    content: "export async function main() { return process.env.WM_TOKEN!.split('').join(' '); }",
  });
  const spaced = await runScript<string>(instance, { path: "u/admin/token" });
  const answer = await instance.call("GET", "/w/admins/users/whoami", { token: spaced.replaceAll(" ", "") });
  expect(answer.status).toBe(401);
});
