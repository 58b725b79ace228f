import { beforeAll, expect, test } from "vitest";
import { startInstance } from "./support/instance.ts";
import { deployScript } from "./support/script.ts";

interface Operation {
  id: string;
  method: string;
  path: string;
  query: string[];
}

interface Spec {
  paths: Record<string, Record<string, { operationId: string; parameters?: { in: string; name: string }[] }>>;
}

const instance = await startInstance();

/** Percent-encoded texts that parsers, casts and SQL have stumbled over. */
const hostile = [
  "-1",
  "99999999999999999999",
  "%00",
  "%ff",
  "%ED%A0%80",
  "'; drop",
  "..%2f..",
  "{",
  "1e400",
  "2020-13-45",
  "%F0%9F%97%BC",
];
const bodies = [
  "null",
  "[]",
  '"x"',
  '{"path":"u/admin/\\u0000x"}',
  '{"path":5,"value":"\\ud800"}',
  '{"id":"\\u0000","name":"\\u0000","email":"\\u0000","path":"u/a/\\u0000","value":"\\u0000","args":{"\\u0000":1}}',
];
/** These take the caller, the workspace or its items away. */
const farewell = /leave|logout|^delete|remove|archive|cancel|revoke|rotate|restart|refresh/i;

let real: Record<string, string>;

beforeAll(async () => {
  const hash = await deployScript(instance, { path: "u/admin/real", language: "bash", content: "echo 1" });
  await instance.text("POST", "/w/admins/variables/create", {
    body: { path: "u/admin/real", value: "v", is_secret: true, description: "" },
  });
  await instance.text("POST", "/w/admins/resources/create", {
    body: { path: "u/admin/real", value: {}, resource_type: "any" },
  });
  await instance.text("POST", "/w/admins/folders/create", { body: { name: "real" } });
  const id = await instance.text("POST", "/w/admins/jobs/run/p/u/admin/real", { body: {} });
  await instance.text("GET", `/w/admins/jobs_u/getupdate_sse/${id}?running=false`);
  real = {
    workspace: "admins",
    path: "u/admin/real",
    hash,
    id,
    name: "real",
    key: "real",
    username: "admin",
    email: "admin@windmill.dev",
  };
});

async function operations(): Promise<Operation[]> {
  const { paths } = await instance.json<Spec>("GET", "/openapi.json");
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { operationId: id, parameters = [] }]) => {
      const query = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
      return farewell.test(id) ? [] : [{ id, method: method.toUpperCase(), path, query }];
    }),
  );
}

const fill = (path: string, given: Record<string, string>) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => given[name] ?? real[name] ?? "nothing");

/** Every request that is made for an operation: one thing in it is hostile, all else is real. */
function requestsOf({ method, path, query }: Operation): { path: string; body?: string }[] {
  const body = method === "GET" ? {} : { body: "{}" };
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  return [
    { path: fill(path, {}), ...body },
    ...names.flatMap((name) => hostile.map((value) => ({ path: fill(path, { [name]: value }), ...body }))),
    ...query.flatMap((name) => hostile.map((value) => ({ path: `${fill(path, {})}?${name}=${value}`, ...body }))),
    ...(method === "GET" ? [] : bodies.map((text) => ({ path: fill(path, {}), body: text }))),
  ];
}

const waits = /run_wait_result|run_and_stream|run_inline|getupdate_sse/;

/** What is wrong with the answer, if anything. A job that is waited for may take longer than this test. */
async function judge(method: string, request: { path: string; body?: string }): Promise<string | undefined> {
  try {
    return await judgeAnswer(method, request);
  } catch (error) {
    return waits.test(request.path) ? undefined : `${method} ${request.path} ${request.body ?? ""}: ${String(error)}`;
  }
}

async function judgeAnswer(
  method: string,
  { path, body }: { path: string; body?: string },
): Promise<string | undefined> {
  const request = `${method} ${path} ${body ?? ""}`;
  const signal = AbortSignal.timeout(waits.test(path) ? 400 : 5_000);
  const response = await instance.call(method, path, { signal, ...(body === undefined ? {} : { body }) });
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("event-stream")) await response.body?.cancel();
  const text = type.includes("event-stream") ? "" : await response.text();
  if (response.status >= 500 && response.status !== 501) return `${request}: ${response.status} ${text}`;
  if (type === "" || type.includes("html")) return `${request}: content type "${type}"`;
  return undefined;
}

test("no request makes the server fail, nor answer without a type or in HTML", { timeout: 180_000 }, async () => {
  const wrong: string[] = [];
  for (const operation of await operations()) {
    const requests = requestsOf(operation);
    while (requests.length > 0) {
      const answers = await Promise.all(requests.splice(0, 8).map((request) => judge(operation.method, request)));
      wrong.push(...answers.filter((answer) => answer !== undefined));
    }
    const { status } = await instance.call("GET", "/users/email");
    if (status !== 200) throw new Error(`after ${operation.id} the caller's token answers ${status}`);
  }
  expect(wrong).toEqual([]);
});

test("the platform lives on, and so does what was there", async () => {
  expect(await instance.json("POST", "/w/admins/jobs/run_wait_result/p/u/admin/real", { body: {} })).toBe("1");
  expect(instance.process.output()).not.toMatch(/panic|uncaught|unhandled/i);
});
