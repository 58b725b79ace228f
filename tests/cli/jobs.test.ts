import { beforeAll, expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { deployScript } from "../support/script.ts";
import { cliOf } from "../support/wmill.ts";

const instance = await startInstance();
const cli = await cliOf(instance, "jobs");

const start = (path: string, { args = {}, query = "" }: { args?: unknown; query?: string } = {}) =>
  instance.text("POST", `/w/jobs/jobs/run/p/${path}${query}`, { body: args });

/** Runs to the end and answers the id of the job, whether it succeeded or not. */
async function finish(path: string, args: unknown = {}): Promise<string> {
  const id = await start(path, { args });
  await instance.text("GET", `/w/jobs/jobs_u/getupdate_sse/${id}?running=false`);
  return id;
}

beforeAll(async () => {
  await deployScript(instance, {
    workspace: "jobs",
    path: "u/admin/waits",
    language: "bash",
    content: 'echo "started"\nsleep 600\n',
  });
  await deployScript(instance, {
    workspace: "jobs",
    path: "u/admin/counts",
    language: "bash",
    content: 'for n in 1 2 3; do echo "line $n"; done\n',
  });
  await deployScript(instance, {
    workspace: "jobs",
    path: "u/admin/fails",
    language: "bash",
    content: 'echo "before"\nexit 3\n',
  });
});

interface Listed {
  id: string;
  script_path: string;
}

test("jobs are listed, by outcome, script and number", async () => {
  const counted = await finish("u/admin/counts");
  const failed = await finish("u/admin/fails");
  const idsOf = async (...args: string[]) => (await cli.json<Listed[]>("job", "list", ...args)).map(({ id }) => id);
  expect(await idsOf()).toEqual([failed, counted]);
  expect(await idsOf("--failed")).toEqual([failed]);
  expect(await idsOf("--success", "true")).toEqual([counted]);
  expect(await idsOf("--script-path", "u/admin/counts")).toEqual([counted]);
  expect(await idsOf("--limit", "1")).toEqual([failed]);
  expect(await idsOf("--created-by", "nobody")).toEqual([]);
  expect(await cli.ok("job", "list")).toMatch(new RegExp(`${failed} .* failure .* u/admin/fails .* admin`));
});

test("a job is shown with its logs and its result", async () => {
  const id = await finish("u/admin/counts");
  expect(await cli.ok("job", "get", id)).toMatch(/Status: success\nKind: script\nScript Path: u\/admin\/counts/);
  expect(await cli.ok("job", "logs", id)).toMatch(/line 1\nline 2\nline 3/);
  expect(JSON.parse(await cli.ok("job", "result", id))).toBe("line 3");
  const failed = await finish("u/admin/fails");
  expect(await cli.ok("job", "get", failed)).toMatch(/Status: failure/);
  expect(await cli.ok("job", "logs", failed)).toContain("before");
  expect(JSON.parse(await cli.ok("job", "result", failed))).toMatchObject({
    error: { message: expect.stringMatching(/3/) },
  });
});

test("a running job is seen, cancelled with a reason, and run again", async () => {
  const id = await start("u/admin/waits");
  await expect
    .poll(() => instance.text("GET", `/w/jobs/jobs_u/get_logs/${id}`), { timeout: 10_000 })
    .toContain("started");
  expect(await cli.ok("job", "list", "--running")).toMatch(new RegExp(`${id} .* running`));
  expect(await cli.ok("queues")).toMatch(/^bash +1 +0/m);
  const from = performance.now();
  await cli.ok("job", "cancel", id, "--reason", "enough of it");
  await instance.text("GET", `/w/jobs/jobs_u/getupdate_sse/${id}?running=true`);
  expect(performance.now() - from).toBeLessThan(5_000);
  expect(await cli.ok("job", "get", id)).toMatch(/Status: canceled[\s\S]*enough of it/);
  const again = (await cli.ok("job", "rerun", id)).trim().split("\n").at(-1) ?? "";
  expect(await cli.ok("job", "get", again)).toMatch(/Script Path: u\/admin\/waits/);
  await cli.ok("job", "cancel", again);
});

test("a job that no worker takes is seen waiting in its queue", async () => {
  const id = await start("u/admin/counts", { query: "?tag=nobody-listens" });
  expect(await cli.ok("queues")).toMatch(/^nobody-listens +0 +1/m);
  expect(await cli.ok("job", "get", id)).toMatch(/Status: (queued|waiting)/);
  await cli.ok("job", "cancel", id);
  expect(await cli.ok("queues")).not.toMatch(/^nobody-listens +0 +1/m);
});

test("workers are shown with their group and queues", async () => {
  const workers = await cli.ok("workers");
  expect(workers).toMatch(/Worker Group: default \(1 workers\)/);
  expect(workers).toMatch(/python3/);
});

test("a job that does not exist is named", async () => {
  const id = "01900000-0000-7000-8000-000000000000";
  for (const verb of ["get", "logs", "result", "cancel"]) {
    const { code, output } = await cli.run("job", verb, id);
    expect({ verb, code, output }).toEqual({ verb, code: 1, output: expect.stringContaining(id) });
  }
});
