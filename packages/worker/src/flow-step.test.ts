import { readEvents } from "@towermill/flow-driver";
import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld({ maxIterations: 20 });
const one = "export function main() { return 1 }";
const fail = `export function main() { throw new Error("bad") }`;
const js = (expr: string): object => ({ type: "javascript", expr });

test("a step stops the flow by its rule, as success, as skipped or as an error", async () => {
  const stopping = (rule: object): object => ({
    modules: [
      { ...code("a", one), stop_after_if: { expr: "result === 1", skip_if_stopped: false, ...rule } },
      code("b", fail),
    ],
  });
  expect(await world.run(stopping({}))).toMatchObject({ status: "success", result: 1 });
  expect(await world.run(stopping({ skip_if_stopped: true }))).toMatchObject({ status: "skipped", result: 1 });
  expect(await world.run(stopping({ error_message: "enough", error_include_result: true }))).toMatchObject({
    status: "failure",
    result: { error: { name: "EarlyStopError", message: "enough", result: 1 } },
  });
});

test("a skipped step passes on what came before, a mocked one gives its value, an identity the previous result", async () => {
  const ran = await world.run({
    modules: [
      code("a", one),
      { ...code("b", fail), skip_if: { expr: "previous_result === 1" } },
      { ...code("c", fail), mock: { enabled: true, return_value: { mocked: 2 } } },
      { id: "d", value: { type: "identity" } },
    ],
  });
  expect(ran).toMatchObject({ status: "success", result: { mocked: 2 } });
  expect(ran.flow.modules[1]).toMatchObject({ type: "Success", skipped: true });
});

test("a step is tried again as often as its retry says, and then the handler runs", async () => {
  const ran = await world.run({
    modules: [{ ...code("a", fail), retry: { constant: { attempts: 2, seconds: 0 } } }],
    failure_module: code("failure", "export function main(e: unknown, step: string) { return { e, step } }", {
      e: "error.message",
      step: "previous_id",
    }),
  });
  expect(ran).toMatchObject({ status: "failure", result: { e: "bad", step: "a" } });
  expect(ran.flow.modules[0]).toMatchObject({ type: "Failure" });
  expect(ran.flow.modules[0]?.["failed_retries"]).toHaveLength(2);
  expect(ran.flow["failure_module"]).toMatchObject({ type: "Success", parent_module: "a" });
});

test("a handler that says so makes the flow succeed", async () => {
  const ran = await world.run({
    modules: [code("a", fail)],
    failure_module: code("failure", "export function main() { return { recover: true, v: 3 } }"),
  });
  expect(ran).toMatchObject({ status: "success", result: { recover: true, v: 3 } });
});

test("a retry that waits and succeeds clears the count, and retry_if can end it", async () => {
  await world.db.execute(sql`create table tried (n int)`);
  const flaky = {
    ...code("a", "export function main(n: number) { if (n < 2) throw new Error('later'); return n }", {
      n: "flow_input.n",
    }),
  };
  const ended = await world.run(
    {
      modules: [
        { ...flaky, retry: { constant: { attempts: 5, seconds: 0 }, retry_if: { expr: "error.message !== 'later'" } } },
      ],
    },
    { n: 1 },
  );
  expect(ended.status).toBe("failure");
  expect(ended.flow.modules[0]?.["failed_retries"]).toEqual([]);
});

test("an input that cannot be worked out fails its step, which continue_on_error passes on", async () => {
  const broken = code("a", one, { x: "flow_input.missing.deeper + nothing_here()" });
  const ran = await world.run({ modules: [broken] });
  expect(ran.status).toBe("failure");
  expect(ran.result).toMatchObject({ error: { name: "ExecutionErr", step_id: "a" } });
  const continued = await world.run({
    modules: [
      { ...broken, continue_on_error: true },
      code("b", "export function main(e: string) { return e }", { e: "previous_result.error.step_id" }),
    ],
  });
  expect(continued).toMatchObject({ status: "success", result: "a" });
});

test("sleep puts the next step off, behind the last step too", async () => {
  const from = performance.now();
  const ran = await world.run({ modules: [{ ...code("a", one), sleep: { type: "static", value: 0.4 } }] });
  expect(ran).toMatchObject({ status: "success", result: 1 });
  expect(ran.flow.modules.map(({ id }) => id)).toEqual(["a", "a-v"]);
  expect(performance.now() - from).toBeGreaterThan(400);
});

test("a flow may skip itself, and an endless while loop is ended", async () => {
  expect(await world.run({ skip_expr: "flow_input.no", modules: [code("a", fail)] }, { no: true })).toMatchObject({
    status: "skipped",
    result: "stopped early",
  });
  const endless = await world.run({
    modules: [
      {
        id: "w",
        value: {
          type: "whileloopflow",
          modules: [
            { id: "i", value: { type: "identity" } },
            { id: "j", value: { type: "identity" } },
          ],
        },
      },
    ],
  });
  expect(endless).toMatchObject({ status: "failure" });
  expect(JSON.stringify(endless.result)).toContain("EndlessLoop");
});

test("a step that waits too long ends by its timeout, and the flow's environment is read by its expressions", async () => {
  const slow = {
    ...code("a", "export async function main() { await new Promise((r) => setTimeout(r, 20000)) }"),
    timeout: js("flow_env.limit"),
  };
  const ran = await world.run({ flow_env: { limit: 1 }, modules: [slow] });
  expect(ran.status).toBe("failure");
  expect(JSON.stringify(ran.result)).toMatch(/time/i);
});

test("the preprocessor turns the event into the flow's arguments", async () => {
  const value = {
    preprocessor_module: code(
      "preprocessor",
      "export function preprocessor(event: { body: { n: number } }) { return { x: event.body.n + 1 } }",
    ),
    modules: [code("a", "export function main(x: number) { return x * 2 }", { x: "flow_input.x" })],
  };
  const ran = await world.run(value, { event: { body: { n: 4 } } }, { options: { preprocess: true } });
  expect(ran).toMatchObject({ status: "success", result: 10 });
  const { args } = await world.db.one<{ args: string }>(sql`select args from job where id = ${ran.id}`);
  expect(JSON.parse(args)).toEqual({ x: 5 });
});

test("steps know which flow and step they are", async () => {
  const environment =
    "export function main() { const e = process.env; return [e.WM_FLOW_JOB_ID, e.WM_ROOT_FLOW_JOB_ID, e.WM_FLOW_STEP_ID, e.WM_FLOW_PATH] }";
  const inside = {
    id: "l",
    value: {
      type: "forloopflow",
      iterator: js("[1]"),
      skip_failures: false,
      modules: [code("x", environment), code("y", environment)],
    },
  };
  const ran = await world.run({
    modules: [
      code("a", environment),
      inside,
      code("z", "export function main(a: unknown, b: unknown) { return { a, b } }", {
        a: "results.a",
        b: "results.l[0]",
      }),
    ],
  });
  const [body] = (ran.flow.modules[1]?.["flow_jobs"] ?? []) as string[];
  expect(ran.result).toEqual({ a: [ran.id, ran.id, "a", "u/alice/flow"], b: [body, ran.id, "y", "u/alice/flow"] });
});

test("every child is in the history of its flow, in order", async () => {
  const { id } = await world.run({ modules: [code("a", one), code("b", one)] });
  const events = await readEvents(world.db, id);
  expect(events.map(({ what, step }) => [what, step])).toEqual([
    ["started", null],
    ["pushed", "a"],
    ["ended", "a"],
    ["pushed", "b"],
    ["ended", "b"],
    ["completed", null],
  ]);
});

test("the steps of a deployed flow follow each other in one process, those inside loops too", async () => {
  const count = (id: string): object =>
    code(id, `export function main() { globalThis.seen = (globalThis.seen ?? 0) + 1; return [process.pid, "${id}"]; }`);
  const modules = [
    count("a"),
    {
      id: "l",
      value: {
        type: "forloopflow",
        iterator: { type: "static", value: [0, 1] },
        skip_failures: false,
        modules: [count("b"), count("c")],
      },
    },
    count("d"),
  ];
  await world.deploy("u/alice/one_process", { modules });
  const { id: version } = await world.db.one<{ id: number }>(
    sql`select id from flow_version where path = 'u/alice/one_process'`,
  );
  const { id } = await world.run(
    { modules: [] },
    {},
    { kind: "flow", rawFlow: null, hash: String(version), path: "u/alice/one_process" },
  );
  const { processes, steps } = await world.db.one<{ processes: number; steps: string[] }>(sql`
    select count(distinct d.result ->> 0)::int as processes, array_agg(d.result ->> 1 order by d.completed_at) as steps
    from job j join job_done d using (id) where j.root_job = ${id} and j.kind = 'flowscript'`);
  expect([processes, steps]).toEqual([1, ["a", "b", "c", "b", "c", "d"]]);
});

test("numbers of static inputs arrive as they were written, in previews and deployed flows", async () => {
  const text = `{"modules":[{"id":"a","value":{"type":"rawscript","language":"bash","content":"echo \\"$1\\"","lock":"",
    "input_transforms":{"n":{"type":"static","value":{"big":12345678901234567890,"long":0.12345678901234567891}}}}}]}`;
  const given = '{"big":12345678901234567890,"long":0.12345678901234567891}';
  const argsOf = async (id: string): Promise<string | undefined> =>
    (await world.db.maybe<{ args: string }>(sql`select args from job where parent_job = ${id}`))?.args;
  const preview = await world.run({ modules: [] }, {}, { rawFlow: text });
  expect(await argsOf(preview.id)).toBe(`{"n":${given}}`);
  const { id: version } = await world.db.one<{
    id: number;
  }>(sql`insert into flow_version (workspace_id, path, value, created_by)
    values ('admins', 'u/alice/exact', ${text}, 'alice') returning id`);
  const fields = { kind: "flow" as const, rawFlow: null, hash: String(version), path: "u/alice/exact" };
  expect(await argsOf((await world.run({ modules: [] }, {}, fields)).id)).toBe(`{"n":${given}}`);
});

test("a script step of a preview runs the code that was stored for it, a hub step says that there is no hub", async () => {
  await world.db.execute(sql`insert into script (workspace_id, hash, path, content, language, lock, created_by)
    values ('admins', 'cccc', 'u/alice/lib', 'export function main() { return "deployed" }', 'bun', '', 'alice')`);
  await world.db.execute(sql`insert into raw_script_temp (workspace_id, hash, content)
    values ('admins', 'stored', 'export function main() { return "stored" }')`);
  const flow = { modules: [{ id: "a", value: { type: "script", path: "u/alice/lib", input_transforms: {} } }] };
  expect((await world.run(flow)).result).toBe("deployed");
  const stored = { options: { temporaryScripts: { "u/alice/lib": "stored" } } };
  expect((await world.run(flow, {}, stored)).result).toBe("stored");
  const hub = { modules: [{ id: "a", value: { type: "script", path: "hub/1/slack/send", input_transforms: {} } }] };
  expect(await world.run(hub)).toMatchObject({
    status: "failure",
    result: { error: { message: expect.stringContaining("Windmill's hub, which is not part of Towermill") as string } },
  });
});
