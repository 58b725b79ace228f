import { randomBytes } from "node:crypto";
import { cancelJobs, readCachedResult } from "@towermill/queue";
import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();
const random = "export function main() { return Math.random() }";
const js = (expr: string): object => ({ type: "javascript", expr });
const bash = (id: string, content: string): object => ({
  id,
  value: { type: "rawscript", language: "bash", content, lock: "", input_transforms: {} },
});
const python = (id: string, content: string): object => ({
  id,
  value: { type: "rawscript", language: "python3", content, lock: "", input_transforms: {} },
});

test("steps on one worker share a folder, in loops and across languages, and it is gone afterwards", async () => {
  const write = code(
    "a",
    `import { writeFileSync } from "node:fs"; export function main() { writeFileSync("./shared/x", "one"); return 1 }`,
  );
  const read = code(
    "c",
    `import { readFileSync, readdirSync } from "node:fs"; export function main() { return [readFileSync("shared/x", "utf8"), readdirSync("shared").sort()] }`,
  );
  const ran = await world.run({
    same_worker: true,
    modules: [
      write,
      {
        id: "l",
        value: {
          type: "forloopflow",
          iterator: js("[1,2]"),
          skip_failures: false,
          modules: [
            python("p", "def main():\n    open('./shared/y', 'a').write('py')\n    return 1\n"),
            bash("q", "cat ./shared/y\n"),
          ],
        },
      },
      bash("b", "echo -n two >> ./shared/x\n"),
      read,
    ],
  });
  expect(ran).toMatchObject({ status: "success", result: ["onetwo", ["x", "y"]] });
  expect(
    await world.run({
      modules: [
        code("z", `import { existsSync } from "node:fs"; export function main() { return existsSync("./shared") }`),
      ],
    }),
  ).toMatchObject({ result: false });
});

test("a step's result is kept where it asks for it, and a flow's", async () => {
  const flow = { modules: [{ ...code("a", random), cache_ttl: 60 }] };
  const first = await world.run(flow);
  expect((await world.run(flow)).result).toBe(first.result);
  expect((await world.run({ modules: [code("a", random)] })).result).not.toBe(first.result);
  const key = randomBytes(32);
  const whole = await world.run(flow, {}, { cacheTtlSeconds: 60, options: { cacheKey: key.toString("hex") } });
  expect(await readCachedResult(world.db, key)).toBe(JSON.stringify(whole.result));
});

test("what asks to be deleted is wiped when the whole flow is over, not before", async () => {
  const ran = await world.run({
    modules: [
      { ...code("a", "export function main() { return 'secret' }"), delete_after_use: true },
      code("b", "export function main(a: string) { return a.length }", { a: "results.a" }),
    ],
  });
  expect(ran.result).toBe(6);
  const rows = await world.db.query<{ flow_step_id: string; due: boolean }>(sql`
    select j.flow_step_id, d.delete_at <= now() as due from job j join job_done d using (id) where j.root_job = ${ran.id} order by j.id`);
  expect(rows).toEqual([
    { flow_step_id: "a", due: true },
    { flow_step_id: "b", due: null },
  ]);
});

test("a step's tag is filled from results, and one that cannot be fails the step", async () => {
  const tagged = (tag: string): object => {
    const step = code("b", random) as { value: object };
    return {
      modules: [
        code("a", "export function main() { return { kind: 'bun' } }"),
        { ...step, value: { ...step.value, tag } },
      ],
    };
  };
  const ran = await world.run(tagged("$flow_expr[results.a.kind]"));
  expect(ran.status).toBe("success");
  const failed = await world.run(tagged("x-$flow_expr[results.a.none]"));
  expect(failed.status).toBe("failure");
  expect(JSON.stringify(failed.result)).toContain("Could not resolve the step tag");
});

test("labels of the last step are the flow's, and priorities and limits reach the jobs", async () => {
  const step = code("a", "export function main() { return { wm_labels: ['blue'] } }") as { value: object };
  const ran = await world.run({
    priority: 7,
    modules: [{ ...step, value: { ...step.value, concurrent_limit: 1, concurrency_time_window_s: 0 } }],
  });
  expect(ran.status).toBe("success");
  const { labels } = await world.db.one<{ labels: string[] }>(sql`select labels from job_done where id = ${ran.id}`);
  expect(labels).toEqual(["blue"]);
  const job = await world.db.one<{ priority: number; concurrent_limit: number }>(
    sql`select priority, concurrent_limit from job where parent_job = ${ran.id}`,
  );
  expect(job).toEqual({ priority: 7, concurrent_limit: 1 });
});

test("expressions read variables and resources with the rights of the flow", async () => {
  await world.db.execute(
    sql`insert into variable (workspace_id, path, value, is_secret) values ('admins', 'u/alice/v', 'seven', false)`,
  );
  const step = code("a", "export function main(x: string) { return x }", { x: "variable('u/alice/v') + '!'" });
  expect((await world.run({ modules: [step] })).result).toBe("seven!");
  const missing = await world.run({
    modules: [code("a", "export function main(x: string) { return x }", { x: "variable('u/alice/none')" })],
  });
  expect(missing.status).toBe("failure");
});

test("a loop does not go over secrets: its items would be stored readable", async () => {
  const value = await world.vault.encrypt("admins", "hunter2-hunter2");
  await world.db.execute(
    sql`insert into variable (workspace_id, path, value, is_secret) values ('admins', 'u/alice/secret', ${value}, true)`,
  );
  const over = (expr: string) => ({
    id: "l",
    value: {
      type: "forloopflow",
      iterator: { type: "javascript", expr },
      skip_failures: false,
      modules: [code("s", "export function main() { return 1 }")],
    },
  });
  for (const expr of ["['a', variable('u/alice/secret')]", "variable('u/alice/secret')"]) {
    const ran = await world.run({ modules: [over(expr)] });
    expect(ran.status).toBe("failure");
    expect(JSON.stringify(ran.result)).toContain("the expression gives a secret");
    expect(JSON.stringify(ran)).not.toContain("hunter2");
  }
  expect((await world.run({ modules: [over("[variable('u/alice/secret').length]")] })).status).toBe("success");
});

test("a running step is shown as in progress", async () => {
  const id = await world.start({
    modules: [code("a", "export async function main() { await new Promise((r) => setTimeout(r, 400)) }")],
  });
  for (;;) {
    const [module] = (await world.status(id)).modules;
    if (module?.type === "InProgress") break;
    expect(module?.type).not.toBe("Success");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect((await world.ended(id)).status).toBe("success");
});

test("a flow whose version disappears while it runs fails instead of waiting for ever", async () => {
  const slow = "export async function main() { await new Promise((r) => setTimeout(r, 20000)) }";
  await world.deploy("u/alice/gone", { modules: [code("a", slow), code("b", random)] });
  const { id: version } = await world.db.one<{ id: number }>(
    sql`select id from flow_version where path = 'u/alice/gone'`,
  );
  const deployed = { kind: "flow" as const, rawFlow: null, hash: String(version), path: "u/alice/gone" };
  const id = await world.start({ modules: [] }, {}, deployed);
  const step = await until(() => world.db.maybe<{ id: string }>(sql`select id from job where parent_job = ${id}`));
  await world.db.execute(sql`delete from flow_version where path = 'u/alice/gone'`);
  const { stopping } = await cancelJobs(world.db, {
    workspace: "admins",
    ids: [step.id],
    by: "alice",
    reason: "gone",
    force: true,
  });
  world.bus.publish("cancel", [...stopping, step.id]);
  await world.otherDriver().endedElsewhere([step.id]);
  const done = await until(() =>
    world.db.maybe<{ status: string; result: string }>(sql`select status, result from job_done where id = ${id}`),
  );
  expect(done.status).toBe("failure");
  expect(done.result).toContain("does not exist any more");
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
