import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";

const instance = await startInstance();
const { call, text, json } = instance;
const w = "/w/admins";

interface FlowJob {
  type: string;
  success?: boolean;
  status?: string;
  result?: unknown;
  raw_flow?: { modules: { id: string }[] };
  flow_status: { step: number; modules: Module[]; failure_module: Module };
}

interface Module {
  id: string;
  type: string;
  job: string;
  flow_jobs?: string[];
  approvers?: { resume_id: number; approver: string }[];
}

const bun = (id: string, content: string, inputs: Record<string, string> = {}): object => ({
  id,
  value: {
    type: "rawscript",
    language: "bun",
    content,
    lock: "",
    input_transforms: Object.fromEntries(
      Object.entries(inputs).map(([name, expr]) => [name, { type: "javascript", expr }]),
    ),
  },
});

const gate = { required_events: 1, timeout: 600 };

const preview = (value: object, args: object = {}): Promise<string> =>
  text("POST", `${w}/jobs/run/preview_flow`, { body: { value, args, path: "f/examples/preview" } });

const job = (id: string): Promise<FlowJob> => json<FlowJob>("GET", `${w}/jobs_u/get/${id}`);

async function until(id: string, holds: (job: FlowJob) => boolean): Promise<FlowJob> {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await job(id);
    if (holds(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the flow ${id} does not come there: ${JSON.stringify(await job(id))}`);
}

const ended = (id: string): Promise<FlowJob> => until(id, ({ type }) => type === "CompletedJob");
const parked = (id: string): Promise<FlowJob> =>
  until(id, ({ flow_status }) => flow_status.modules.some(({ type }) => type === "WaitingForEvents"));

describe("the example flow of the mission", () => {
  const body = {
    path: "f/examples/my_flow",
    summary: "My example flow",
    value: {
      modules: [
        {
          id: "a",
          value: {
            type: "rawscript",
            content: "export async function main() { return 'Hello'; }",
            language: "deno",
          },
        },
      ],
    },
    schema: { type: "object", properties: {}, required: [] },
  };

  test(
    "is created, gets the lock of its inline script, runs, is updated, archived, deleted and restored",
    { timeout: 60_000 },
    async () => {
      await call("POST", `${w}/folders/create`, { body: { name: "examples" } });
      expect((await call("POST", `${w}/flows/create`, { body })).status).toBe(201);
      const { job_id } = await json<{ job_id: string }>("GET", `${w}/flows/deployment_status/p/f/examples/my_flow`);
      const locking = await ended(job_id);
      expect(locking.result).toMatchObject({
        updated_flow_value: { modules: [{ value: { lock: expect.any(String) } }] },
      });
      const deployed = await json<{ value: unknown; version_id: number }>("GET", `${w}/flows/get/f/examples/my_flow`);
      expect(deployed.value).toMatchObject({ modules: [{ value: { lock: expect.any(String) } }] });
      expect(await json("POST", `${w}/jobs/run_wait_result/f/f/examples/my_flow`, { body: {} })).toBe("Hello");
      expect(await json("GET", `${w}/jobs/run_wait_result/fv/${deployed.version_id}`)).toBe("Hello");
      const id = await text("POST", `${w}/jobs/run/f/f/examples/my_flow`, { body: {} });
      const first = await job(id);
      expect(first.flow_status.modules).toHaveLength(1);
      expect(first.raw_flow?.modules[0]?.id).toBe("a");
      expect(await ended(id)).toMatchObject({ success: true, result: "Hello" });
      const changed = {
        value: { modules: [bun("b", "export function main() { return 2 }")] },
        deployment_message: "two",
      };
      await text("POST", `${w}/flows/update/f/examples/my_flow`, { body: changed });
      expect(await json("POST", `${w}/jobs/run_wait_result/f/f/examples/my_flow`, { body: {} })).toBe(2);
      expect(await json("POST", `${w}/jobs/run_wait_result/fv/${deployed.version_id}`, { body: {} })).toBe("Hello");
      await text("POST", `${w}/flows/archive/f/examples/my_flow`, { body: { archived: true } });
      expect((await call("POST", `${w}/jobs/run/f/f/examples/my_flow`, { body: {} })).status).toBe(404);
      await text("DELETE", `${w}/flows/delete/f/examples/my_flow`);
      expect(await json("GET", `${w}/flows/exists/f/examples/my_flow`)).toBe(false);
      const [kept] = await json<{ id: number }[]>("GET", `${w}/trash/list?item_kind=flow`);
      await text("POST", `${w}/trash/restore/${kept?.id}`);
      await text("POST", `${w}/flows/archive/f/examples/my_flow`, { body: { archived: false } });
      expect(await json("POST", `${w}/jobs/run_wait_result/f/f/examples/my_flow`, { body: {} })).toBe(2);
      expect(await json<unknown[]>("GET", `${w}/flows/history/p/f/examples/my_flow`)).toHaveLength(2);
    },
  );
});

describe("approvals", () => {
  const value = {
    modules: [
      {
        ...bun("a", "export function main() { return { description: 'please', default_args: { n: 1 } } }"),
        summary: "Ask",
        suspend: { ...gate, resume_form: { schema: { type: "object" } } },
      },
      bun("b", "export function main(n: number, by: string[]) { return { n, by } }", {
        n: "resume.n",
        by: "approvers",
      }),
    ],
  };

  const addresses = async (
    flow: string,
  ): Promise<{ step: string; resume: string; cancel: string; approvalPage: string }> => {
    const { flow_status } = await parked(flow);
    const step = flow_status.modules[0]?.job ?? "";
    const urls = await json<{ resume: string; cancel: string; approvalPage: string }>(
      "GET",
      `${w}/jobs/resume_urls/${step}/7?approver=carol`,
    );
    return { step, ...urls };
  };
  const open = (url: string, options: RequestInit = {}): Promise<Response> =>
    fetch(`${instance.url}${new URL(url).pathname}${new URL(url).search}`, options);

  test("a signed address approves without a token, once, and its payload reaches the next step", async () => {
    const flow = await preview(value);
    const { step, resume, approvalPage } = await addresses(flow);
    expect(approvalPage).toContain(`/approve/admins/${step}/7/`);
    const [signature] = /[0-9a-f]{64}/.exec(resume) ?? [""];
    expect(await text("GET", `${w}/jobs/job_signature/${step}/7?approver=carol`)).toBe(signature);
    const seen = await open(resume.replace("/jobs_u/resume/", "/jobs_u/get_flow/"));
    expect(await seen.json()).toMatchObject({ job: { id: flow, flow_status: { step: 1 } }, approvers: [] });
    expect((await open(resume.replace("approver=carol", "approver=mallory"))).status).toBe(403);
    expect((await open(resume.replace("/7/", "/8/"))).status).toBe(403);
    const sent = await open(resume, {
      method: "POST",
      body: '{"n":12345678901234567890}',
      headers: { "content-type": "application/json" },
    });
    expect([sent.status, sent.headers.get("content-type")]).toEqual([201, expect.stringContaining("text/plain")]);
    const over = await ended(flow);
    expect(over.result).toMatchObject({ by: ["carol"] });
    expect(over.flow_status.modules[0]?.approvers).toEqual([{ resume_id: 7, approver: "carol" }]);
    expect((await open(resume)).status).toBe(400);
    const [entry] = JSON.parse(await text("GET", `${w}/audit/list?operation=jobs.suspend_resume`)) as object[];
    expect(entry).toMatchObject({ username: "carol", resource: step, parameters: { approved: true } });
  });

  test("the same by GET, with the payload as base64 in the address", async () => {
    const flow = await preview(value);
    const { resume } = await addresses(flow);
    const payload = Buffer.from('{"n":5}').toString("base64url");
    expect((await open(`${resume}&payload=${payload}`)).status).toBe(201);
    expect(await ended(flow)).toMatchObject({ success: true, result: { n: 5, by: ["carol"] } });
  });

  test("disapproving ends the flow", async () => {
    const flow = await preview(value);
    const { cancel } = await addresses(flow);
    expect((await open(cancel, { method: "POST" })).status).toBe(201);
    expect(await ended(flow)).toMatchObject({
      success: false,
      result: { error: { name: "SuspendedDisapproved", message: "Disapproved by carol" } },
    });
  });

  test("the run page tells what is asked, and its owner may answer there", async () => {
    const flow = await preview(value);
    await parked(flow);
    expect(await json("GET", `${w}/jobs_u/flow/approval_info/${flow}`)).toMatchObject({
      flow_id: flow,
      form_schema: { type: "object" },
      description: "please",
      default_args: { n: 1 },
      can_approve: true,
      user_auth_required: false,
      step_summary: "Ask",
      approvers: [],
    });
    expect((await call("POST", `${w}/jobs/flow/resume/${flow}`, { body: { n: 1 } })).status).toBe(201);
    expect(await ended(flow)).toMatchObject({ success: true, result: { n: 1, by: ["admin"] } });
  });

  test("an approval page needs no login: the signature shows what is asked and answers it", async () => {
    const flow = await preview(value);
    const { step } = await addresses(flow);
    const signature = await text("GET", `${w}/jobs/job_signature/${step}/5`);
    const at = (path: string, options: RequestInit = {}): Promise<Response> =>
      fetch(`${instance.url}/api${w}/jobs_u/flow/${path}`, {
        headers: { "content-type": "application/json" },
        ...options,
      });
    const shown = await at(`approval_info/${step}?token=5.${signature}`);
    expect(await shown.json()).toMatchObject({ flow_id: flow, can_approve: true, description: "please" });
    expect((await at(`approval_info/${step}?token=6.${signature}`)).status).toBe(403);
    expect((await at(`approval_info/${step}`)).status).toBe(401);
    const answer = (approval_token: string): Promise<Response> =>
      at(`resume_suspended/${step}`, { method: "POST", body: JSON.stringify({ payload: { n: 3 }, approval_token }) });
    expect((await answer("nonsense")).status).toBe(400);
    expect((await answer(`5.${"0".repeat(64)}`)).status).toBe(403);
    expect((await answer(`5.${signature}`)).status).toBe(201);
    expect(await ended(flow)).toMatchObject({ success: true, result: { n: 3, by: ["anonymous"] } });
  });

  test("addresses are made for those who run or own the flow, not for everybody who sees it", async () => {
    const make = async (email: string): Promise<string> => {
      const login = { email, password: "correct horse battery" };
      await call("POST", "/users/create", { body: { ...login, super_admin: false } });
      await call("POST", `${w}/workspaces/add_user`, { body: { email, is_admin: false, operator: false } });
      return (await call("POST", "/auth/login", { body: login })).text();
    };
    const erin = await make("erin@example.com");
    await call("POST", `${w}/folders/create`, { body: { name: "open", extra_perms: { "g/all": false } } });
    const flow = await text("POST", `${w}/jobs/run/preview_flow`, { body: { value, args: {}, path: "f/open/ask" } });
    const { flow_status } = await parked(flow);
    const address = `${w}/jobs/resume_urls/${flow_status.modules[0]?.job}/3`;
    expect((await call("GET", `${w}/jobs_u/get/${flow}`, { token: erin })).status).toBe(200);
    expect((await call("GET", address, { token: erin })).status).toBe(403);
    expect((await call("POST", `${w}/jobs/flow/resume/${flow}`, { token: erin, body: {} })).status).toBe(403);
    const info = await call("GET", `${w}/jobs_u/flow/approval_info/${flow}`, { token: erin });
    expect(await info.json()).toMatchObject({ can_approve: false });
    expect((await call("GET", address)).status).toBe(200);
    await text("POST", `${w}/jobs_u/queue/cancel/${flow}`, { body: {} });
    expect((await ended(flow)).status).toBe("canceled");
  });

  test("an approval that comes before the flow waits is kept for it", async () => {
    const slow = {
      modules: [
        { ...bun("a", "export async function main() { await new Promise((r) => setTimeout(r, 700)) }"), suspend: gate },
        bun("b", "export function main(n: number) { return n }", { n: "resume.n" }),
      ],
    };
    const flow = await preview(slow);
    const { flow_status } = await until(flow, ({ flow_status: { modules } }) => modules[0]?.type === "InProgress");
    const urls = await json<{ resume: string }>("GET", `${w}/jobs/resume_urls/${flow_status.modules[0]?.job}/1`);
    expect((await open(urls.resume, { method: "POST", body: '{"n":9}' })).status).toBe(201);
    expect(await ended(flow)).toMatchObject({ success: true, result: 9 });
  });

  test("who must be logged in is asked for it, and nobody approves their own run where that is ruled out", async () => {
    await call("POST", "/users/create", {
      body: { email: "dora@example.com", password: "correct horse battery", super_admin: false },
    });
    await call("POST", `${w}/workspaces/add_user`, {
      body: { email: "dora@example.com", is_admin: false, operator: false },
    });
    const login = await call("POST", "/auth/login", {
      body: { email: "dora@example.com", password: "correct horse battery" },
    });
    const dora = await login.text();
    const strict = {
      modules: [
        {
          ...bun("a", "export function main() {}"),
          suspend: { ...gate, user_auth_required: true, self_approval_disabled: true },
        },
      ],
    };
    const started = await call("POST", `${w}/jobs/run/preview_flow`, {
      token: dora,
      body: { value: strict, args: {}, path: "u/dora/strict" },
    });
    const flow = await started.text();
    const { resume } = await addresses(flow);
    expect((await open(resume)).status).toBe(401);
    expect((await open(resume, { headers: { authorization: `Bearer ${dora}` } })).status).toBe(403);
    const owner = await call("POST", `${w}/jobs/flow/resume/${flow}`, { token: dora, body: {} });
    expect(owner.status).toBe(403);
    const unified = await call("POST", `${w}/jobs_u/flow/resume_suspended/${flow}`, {
      body: { payload: {}, approved: true },
    });
    expect(unified.status).toBe(201);
    expect(await ended(flow)).toMatchObject({ success: true });
  });
});

describe("what a run leaves behind", () => {
  const nested = {
    modules: [
      bun("a", "export function main() { console.log('log of a'); return [1, 2] }"),
      {
        id: "l",
        summary: "Each",
        value: {
          type: "forloopflow",
          iterator: { type: "javascript", expr: "results.a" },
          skip_failures: false,
          modules: [
            bun("x", "export function main(v: number) { console.log('x ' + v); return v * 10 }", {
              v: "flow_input.iter.value",
            }),
            bun("y", "export function main(v: number) { return v + 1 }", { v: "results.x" }),
          ],
        },
      },
    ],
  };

  test("results of steps, logs of all jobs, events, and a look at the whole tree", async () => {
    const flow = await preview(nested);
    expect(await ended(flow)).toMatchObject({ success: true, result: [11, 21] });
    expect(await json("GET", `${w}/jobs/result_by_id/${flow}/a`)).toEqual([1, 2]);
    expect(await json("GET", `${w}/jobs/result_by_id/${flow}/l?json_path=1`)).toBe(21);
    expect((await call("GET", `${w}/jobs/result_by_id/${flow}/zzz`)).status).toBe(404);
    const logs = await text("GET", `${w}/jobs_u/get_flow_all_logs/${flow}`);
    expect(logs.indexOf("log of a")).toBeGreaterThan(0);
    expect(logs.indexOf("x 2")).toBeGreaterThan(logs.indexOf("x 1"));
    const structured = await json<{ step_path?: string; label: string; depth: number }[]>(
      "GET",
      `${w}/jobs_u/get_flow_all_logs_structured/${flow}`,
    );
    expect(structured.map(({ step_path }) => step_path)).toEqual([
      undefined,
      "a",
      "l[0]",
      "l[0]/x",
      "l[0]/y",
      "l[1]",
      "l[1]/x",
      "l[1]/y",
    ]);
    expect(structured[2]).toMatchObject({
      label: "l: Each [0]",
      depth: 1,
      sibling_index: 0,
      sibling_count: 2,
      parent_module_type: "forloopflow",
    });
    const results = await json<{ entries: object[] }>(
      "GET",
      `${w}/jobs_u/get_flow_all_results/${flow}?step=l[1]&max_result_len=1`,
    );
    expect(results.entries).toMatchObject([
      { step_path: "l[1]", status: "success", result_prefix: "2", result_length: 2 },
      { step_path: "l[1]/x", status: "success" },
      { step_path: "l[1]/y", success: true },
    ]);
    expect(Object.keys(await json<object>("GET", `${w}/jobs_u/get_flow_debug_info/${flow}`))).toContain("l[1]/y");
    const events = await json<{ revision: number; what: string; step?: string }[]>(
      "GET",
      `${w}/jobs_u/flow/events/${flow}`,
    );
    expect(events.length).toBeGreaterThan(4);
    const revisions = events.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    const later = await json<unknown[]>("GET", `${w}/jobs_u/flow/events/${flow}?after=${revisions.at(-1)}`);
    expect(later).toEqual([]);
  });

  test("values kept under keys for the time of a run", async () => {
    const flow = await preview({ modules: [{ ...bun("a", "export function main() {}"), suspend: gate }] });
    await parked(flow);
    expect(await json("GET", `${w}/jobs/flow/user_states/${flow}/cursor`)).toBe(null);
    await text("POST", `${w}/jobs/flow/user_states/${flow}/cursor`, { body: { page: 2 } });
    expect(await json("GET", `${w}/jobs/flow/user_states/${flow}/cursor`)).toEqual({ page: 2 });
    expect((await json<{ flow_status: object }>("GET", `${w}/jobs_u/get/${flow}`)).flow_status).toMatchObject({
      user_states: { cursor: { page: 2 } },
    });
    await text("POST", `${w}/jobs_u/queue/cancel/${flow}`, { body: {} });
  });
});

describe("running", () => {
  test("the same idempotency key means the same job, for script and flow alike", async () => {
    await call("POST", `${w}/flows/create`, {
      body: {
        path: "f/examples/once",
        summary: "",
        value: { modules: [bun("a", "export function main() { return Math.random() }")] },
      },
    });
    const start = async (key: string): Promise<string> =>
      (await call("POST", `${w}/jobs/run/f/f/examples/once`, { body: {}, headers: { "idempotency-key": key } })).text();
    const [first, ...others] = await Promise.all([start("k1"), start("k1"), start("k1")]);
    expect(others).toEqual([first, first]);
    expect(await start("k1")).toBe(first);
    expect(await start("k2")).not.toBe(first);
    expect(await json("POST", `${w}/jobs/list_selected_job_groups`, { body: [first] })).toMatchObject([
      { kind: "flow", script_path: "f/examples/once", schemas: [{ job_ids: [first] }] },
    ]);
    const waiting = await call("POST", `${w}/jobs/run_wait_result/f/f/examples/once`, {
      body: {},
      headers: { "idempotency-key": "k1" },
    });
    expect(await waiting.json()).toBe((await ended(first ?? "")).result);
    const empty = await call("POST", `${w}/jobs/run/f/f/examples/once`, {
      body: {},
      headers: { "idempotency-key": "" },
    });
    expect(empty.status).toBe(400);
  });

  test("a finished run is taken up again from a step, an iteration, or with other arguments", async () => {
    const value = {
      modules: [
        bun("a", "export function main(x: number) { return x + Math.random() }", { x: "flow_input.x" }),
        {
          id: "l",
          value: {
            type: "forloopflow",
            iterator: { type: "static", value: [0, 1, 2] },
            skip_failures: false,
            modules: [
              bun("r", "export function main() { return Math.random() }"),
              { id: "p", value: { type: "identity" } },
            ],
          },
        },
        bun("c", "export function main(a: number, l: number[], x: number) { return { a, l, x } }", {
          a: "results.a",
          l: "results.l",
          x: "flow_input.x",
        }),
      ],
    };
    const first = await ended(await preview(value, { x: 1 }));
    const ids = await json<{ id: string }[]>(
      "GET",
      `${w}/jobs/list?job_kinds=flowpreview&has_null_parent=true&per_page=1`,
    );
    const id = ids[0]?.id ?? "";
    const restart = (body: object): Promise<string> => text("POST", `${w}/jobs/restart/f/${id}`, { body });
    type Result = { a: number; l: number[]; x: number };
    const before = first.result as Result;
    const fromC = (await ended(await restart({ step_id: "c" }))).result as Result;
    expect(fromC).toEqual(before);
    const fromLoop = (await ended(await restart({ step_id: "l", branch_or_iteration_n: 2 }))).result as Result;
    expect(fromLoop.a).toBe(before.a);
    expect(fromLoop.l.slice(0, 2)).toEqual(before.l.slice(0, 2));
    expect(fromLoop.l[2]).not.toBe(before.l[2]);
    const otherArgs = (await ended(await restart({ step_id: "c", args: { x: 5 } }))).result as Result;
    expect(otherArgs).toEqual({ ...before, x: 5 });
    expect((await call("POST", `${w}/jobs/restart/f/${id}`, { body: { step_id: "zzz" } })).status).toBe(400);
  });

  test("a step that names a version of a flow keeps to it, one that does not takes the newest", async () => {
    const inner = (n: number): object => ({ modules: [bun("n", `export function main() { return ${n} }`)] });
    await text("POST", `${w}/flows/create`, { body: { path: "f/examples/inner", summary: "", value: inner(1) } });
    const { version_id } = await json<{ version_id: number }>("GET", `${w}/flows/get/f/examples/inner`);
    await text("POST", `${w}/flows/update/f/examples/inner`, { body: { value: inner(2) } });
    const step = (id: string, fields: object): object => ({
      id,
      value: { type: "flow", path: "f/examples/inner", input_transforms: {}, ...fields },
    });
    const both = bun("c", "export function main(a: number, b: number) { return [a, b] }", {
      a: "results.a",
      b: "results.b",
    });
    const flow = await preview({ modules: [step("a", { version: version_id }), step("b", {}), both] });
    expect((await ended(flow)).result).toEqual([1, 2]);
  });

  test("cancelling a flow ends the whole tree, and it never turns into a success", async () => {
    const sleeper = bun("s", "export async function main() { await new Promise((r) => setTimeout(r, 60_000)) }");
    const flow = await preview({
      modules: [
        {
          id: "l",
          value: {
            type: "forloopflow",
            parallel: true,
            skip_failures: true,
            iterator: { type: "static", value: [1, 2, 3, 4] },
            modules: [sleeper, { id: "q", value: { type: "identity" } }],
          },
        },
      ],
    });
    await until(flow, ({ flow_status: { modules } }) => (modules[0]?.flow_jobs?.length ?? 0) === 4);
    await text("POST", `${w}/jobs_u/queue/cancel/${flow}`, { body: { reason: "enough" } });
    const over = await ended(flow);
    expect(over).toMatchObject({ success: false, status: "canceled", result: { error: { name: "Canceled" } } });
    for (let tries = 0; ; tries += 1) {
      const { entries } = await json<{ entries: { status: string }[] }>(
        "GET",
        `${w}/jobs_u/get_flow_all_results/${flow}`,
      );
      if (entries.every(({ status }) => !["running", "queued", "suspended"].includes(status))) break;
      expect(tries).toBeLessThan(100);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  test("a while loop asks a service on this machine until it is ready", async () => {
    let asked = 0;
    const service = createServer((_, answer) => {
      asked += 1;
      answer.writeHead(asked < 3 ? 503 : 200).end();
    }).listen(0, "127.0.0.1");
    whenDone(() => new Promise<void>((resolve) => void service.close(() => resolve())));
    await new Promise((resolve) => service.once("listening", resolve));
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`;
    const flow = await preview(
      {
        modules: [
          {
            id: "w",
            stop_after_if: { expr: "result.ready", skip_if_stopped: false },
            value: {
              type: "whileloopflow",
              skip_failures: false,
              modules: [
                bun("ask", "export async function main(url: string) { return { ready: (await fetch(url)).ok } }", {
                  url: "flow_input.url",
                }),
              ],
            },
          },
        ],
      },
      { url },
    );
    expect((await ended(flow)).result).toEqual([{ ready: false }, { ready: false }, { ready: true }]);
  });

  test("the updates of a running flow are a stream of events with its status, to the end", async () => {
    const flow = await preview({
      modules: [
        bun("a", "export async function main() { await new Promise((r) => setTimeout(r, 800)) }"),
        bun("b", "export function main() { return 'done' }"),
      ],
    });
    const stream = await (await call("GET", `${w}/jobs_u/getupdate_sse/${flow}?fast=true&only_result=true`)).text();
    const updates = stream
      .split("\n\n")
      .filter((line) => line !== "")
      .map(
        (line) =>
          JSON.parse(line.slice("data: ".length)) as {
            flow_status?: { modules: Module[] };
            completed?: boolean;
            only_result?: unknown;
          },
      );
    expect(updates.some(({ flow_status }) => flow_status?.modules.length === 2)).toBe(true);
    expect(updates.at(-1)).toMatchObject({ completed: true, only_result: "done" });
    expect(await json("GET", `${w}/jobs_u/getupdate/${flow}`)).toMatchObject({
      completed: true,
      flow_status: { step: 2 },
    });
  });

  test("what cannot be a flow is refused before anything runs", async () => {
    const refused = async (value: unknown): Promise<[number, string]> => {
      const response = await call("POST", `${w}/jobs/run/preview_flow`, { body: { value, args: {} } });
      return [response.status, await response.text()];
    };
    expect(await refused({ modules: [{ id: "a", value: { type: "aiagent" } }] })).toEqual([
      400,
      expect.stringContaining("Step a"),
    ]);
    expect(await refused({ modules: [{ id: "a", value: { type: "script", path: "x" } }] })).toEqual([
      400,
      expect.stringContaining("workspace path"),
    ]);
    expect((await refused(null))[0]).toBe(400);
    expect((await call("POST", `${w}/jobs/run/f/f/examples/none`, { body: {} })).status).toBe(404);
  });
});
