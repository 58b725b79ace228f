import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { openPool, sql, type Database } from "@towermill/store";
import { whenDone } from "@towermill/testkit";
import { expect, test, vi } from "vitest";
import { adminEmail, adminPassword, startInstance } from "./support/instance.ts";
import { deployScript } from "./support/script.ts";

/**
 * Secrets that are found nowhere else go through the whole product; then the database, the logs of the processes and the
 * files of the platform are searched for them, in every form in which they might be written down.
 */
const instance = await startInstance({ env: { LOG_LEVEL: "debug" } });
const { dataFolder } = instance;

const canary = (name: string): string => `canary-${name}-${randomBytes(12).toString("hex")}`;
const secrets = {
  variable: canary("variable"),
  fetched: canary("fetched"),
  thrown: canary("thrown"),
  inFlow: canary("in-flow"),
  scheduled: canary("scheduled"),
  draft: canary("draft"),
  refused: canary("refused"),
  argument: canary("argument"),
  slack: canary("slack"),
  password: canary("password"),
  wrongPassword: canary("wrong-password"),
  newPassword: canary("new-password"),
};

await instance.text("POST", "/workspaces/create", { body: { id: "vaulted", name: "Vaulted", username: "admin" } });
await instance.text("POST", "/workspaces/create", { body: { id: "beside", name: "Beside", username: "admin" } });
const post = (path: string, body: unknown, token?: string): Promise<string> =>
  instance.text("POST", `/w/vaulted/${path}`, { body, ...(token ? { token } : {}) });
const attempt = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  (await instance.call(method, path, { ...(body === undefined ? {} : { body }), headers })).text();
/** What callers were answered who were owed no secret. */
const answers: string[] = [];

async function runToEnd(path: string, args: object, token?: string): Promise<string> {
  const id = await post(path, args, token);
  await instance.text("GET", `/w/vaulted/jobs_u/getupdate_sse/${id}`);
  return id;
}

async function keep(path: string, value: string): Promise<void> {
  await post("variables/create", { path, value, is_secret: true, description: "kept" });
}

/** The text of every row of every table, with bytes as hexadecimal digits. */
async function dump(db: Database): Promise<Map<string, string>> {
  const tables = await db.query<{ name: string }>(sql`
    select relname::text as name from pg_class where relkind in ('r', 'm') and relnamespace = current_schema()::regnamespace`);
  const texts = new Map<string, string>();
  for (const { name } of tables) {
    const rows = await db.query<{ text: string }>(sql`select t::text as text from ${sql.ident(name)} t`);
    texts.set(`table ${name}`, rows.map(({ text }) => text).join("\n"));
  }
  return texts;
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile() && statSync(path).size < 20_000_000) yield path;
  }
}

/** A secret as it might be written down: as it is, in base64 at any offset, percent-encoded, in hexadecimal digits. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) =>
    bytes.subarray(offset, bytes.length - ((bytes.length - offset) % 3)).toString("base64"),
  );
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), ...base64];
}

test("secrets are found in no table, log or file, whatever was done with them", { timeout: 180_000 }, async () => {
  const made: Record<string, string> = { ...secrets };
  await keep("u/admin/key", secrets.variable);
  await keep("u/admin/fetched", secrets.fetched);
  await keep("u/admin/thrown", secrets.thrown);
  await keep("u/admin/in_flow", secrets.inFlow);
  await keep("u/admin/scheduled", secrets.scheduled);
  const resource = {
    path: "u/admin/db",
    value: { host: "db", password: "$var:u/admin/key" },
    resource_type: "postgresql",
  };
  await post("resources/create", resource);

  // a script that prints what it was given and what it asked for, in several forms
  const prints = `export async function main(key: string, db: { password: string }) {
    const url = process.env.BASE_INTERNAL_URL + "/api/w/vaulted/variables/get_value/u/admin/fetched";
    const fetched = await (await fetch(url, { headers: { authorization: "Bearer " + process.env.WM_TOKEN } })).json();
    const known = [key, db.password, fetched];
    console.log("known", JSON.stringify(known), btoa(key), btoa(fetched), encodeURIComponent(fetched));
    for (const part of [fetched.slice(0, 20), fetched.slice(20)]) process.stdout.write(part);
    console.error("again", fetched, known);
    return known.map((one) => one.length);
  }`;
  await deployScript(instance, { workspace: "vaulted", path: "u/admin/prints", language: "bun", content: prints });
  const args = { key: "$var:u/admin/key", db: "$res:u/admin/db" };
  const printed = await runToEnd("jobs/run/p/u/admin/prints", args);
  const log = await instance.text("GET", `/w/vaulted/jobs_u/get_logs/${printed}`);
  expect(log).toMatch(/known \["••••••","••••••","••••••"\]/);
  const lengths = [secrets.variable.length, secrets.variable.length, secrets.fetched.length];
  expect(await instance.json("GET", `/w/vaulted/jobs_u/completed/get_result/${printed}`)).toEqual(lengths);

  // failures: an error that holds a secret, a secret where none is expected
  const throws = `export function main(key: string) { throw new Error("cannot open with " + key); }`;
  await deployScript(instance, { workspace: "vaulted", path: "u/admin/throws", language: "bun", content: throws });
  const thrown = await runToEnd("jobs/run/p/u/admin/throws", { key: "$var:u/admin/thrown" });
  expect(await instance.text("GET", `/w/vaulted/jobs_u/completed/get_result/${thrown}`)).toContain(
    "cannot open with ••••••",
  );
  const shell = 'key="$1"\necho "$key" >&2\nexit 3\n';
  await deployScript(instance, { workspace: "vaulted", path: "u/admin/shell", language: "bash", content: shell });
  await runToEnd("jobs/run/p/u/admin/shell", { key: "$var:u/admin/thrown" });

  // flows: as a static input, by an expression, in a step that fails, as the flow's own argument
  const step = (id: string, path: string, input_transforms: object) => ({
    id,
    value: { type: "script", path, input_transforms },
    continue_on_error: true,
  });
  const modules = [
    step("a", "u/admin/throws", { key: { type: "static", value: "$var:u/admin/in_flow" } }),
    step("b", "u/admin/shell", { key: { type: "javascript", expr: "flow_input.key" } }),
    step("c", "u/admin/shell", { key: { type: "javascript", expr: 'variable("u/admin/in_flow")' } }),
  ];
  const measures = "export function main(key: string) { return key.length; }";
  await deployScript(instance, { workspace: "vaulted", path: "u/admin/measures", language: "bun", content: measures });
  const inner = [step("e", "u/admin/measures", { key: { type: "javascript", expr: "flow_input.key + '!'" } })];
  await post("flows/create", { path: "u/admin/inner", summary: "", value: { modules: inner }, schema: {} });
  const passed = { key: { type: "javascript", expr: "`<${variable('u/admin/in_flow')}>`" } };
  const value = {
    modules: [...modules, { id: "d", value: { type: "flow", path: "u/admin/inner", input_transforms: passed } }],
  };
  await post("flows/create", { path: "u/admin/flow", summary: "", value, schema: {} });
  const flow = await runToEnd("jobs/run/f/u/admin/flow", { key: "$var:u/admin/in_flow" });
  const length = await instance.json("GET", `/w/vaulted/jobs_u/completed/get_result/${flow}`);
  expect(length).toBe(secrets.inFlow.length + 3);

  // a schedule, with a handler that is told of the failure
  await post("workspaces/edit_error_handler", { path: "script/u/admin/shell" });
  const each = {
    schedule: "* * * * * *",
    timezone: "UTC",
    script_path: "u/admin/throws",
    is_flow: false,
    enabled: true,
  };
  await post("schedules/create", { path: "u/admin/often", ...each, args: { key: "$var:u/admin/scheduled" } });
  await vi.waitFor(
    async () => {
      const jobs = await instance.json<{ created_by: string }[]>("GET", "/w/vaulted/jobs/completed/list?per_page=100");
      expect(jobs.map(({ created_by }) => created_by)).toEqual(
        expect.arrayContaining(["schedule-u-admin-often", "error_handler"]),
      );
    },
    { timeout: 30_000, interval: 200 },
  );
  await post("schedules/setenabled/u/admin/often", { enabled: false });

  // people, tokens, logins that fail
  const person = { email: "kim@example.com", password: secrets.password, super_admin: false };
  await instance.text("POST", "/users/create", { body: person });
  await post("workspaces/add_user", { email: person.email, username: "kim", is_admin: true, operator: false });
  const kim = await instance.text("POST", "/auth/login", {
    body: { email: person.email, password: secrets.password },
    token: "none",
  });
  answers.push(await attempt("POST", "/auth/login", { email: person.email, password: secrets.wrongPassword }));
  answers.push(
    await attempt("POST", "/auth/login", { email: secrets.wrongPassword, password: [secrets.wrongPassword] }),
  );
  await instance.text("POST", "/users/setpassword", { body: { password: secrets.newPassword }, token: kim });
  const token = await instance.text("POST", "/users/tokens/create", { body: { label: "hook" } });
  Object.assign(made, { session: instance.token, token, kim });

  // a webhook with its token in the address, an MCP client likewise, a cookie, a token that is none
  const hook = `${instance.url}/api/w/vaulted/jobs/run_wait_result/p/u/admin/shell?token=${token}`;
  answers.push(
    await (await fetch(hook, { method: "POST", body: "{}", headers: { "content-type": "application/json" } })).text(),
  );
  answers.push(await (await fetch(`${instance.url}/api/w/vaulted/nowhere?token=${token}`)).text());
  const initialize = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
  const accept = "application/json, text/event-stream";
  answers.push(
    await (
      await fetch(`${instance.url}/api/mcp/w/vaulted/mcp?token=${token}`, {
        method: "POST",
        body: JSON.stringify(initialize),
        headers: { "content-type": "application/json", accept },
      })
    ).text(),
  );
  answers.push(
    await (await fetch(`${instance.url}/api/users/whoami`, { headers: { cookie: `token=${token}` } })).text(),
  );

  // requests that are refused with a secret in the wrong place
  const refused = secrets.refused;
  for (const [path, body] of [
    ["variables/create", { path: "nowhere", value: refused, is_secret: true, description: "" }],
    ["variables/create", { path: "u/admin/x", value: { deep: refused }, is_secret: true, description: "" }],
    ["variables/create", { path: "u/admin/x", value: refused, is_secret: refused, description: "" }],
    ["variables/update/u/admin/missing", { value: refused }],
    ["variables/create", `{"path":"u/admin/x","value":"${refused}",`],
    ["variables/create", { path: "u/admin/x", value: `${refused}\u0000`, is_secret: true, description: "" }],
    ["workspaces/connect_slack", { bot_token: refused }],
    ["workspaces/encryption_key", { new_key: [refused] }],
    ["jobs/run/p/u/admin/none", { key: refused }],
    ["jobs/run/preview", `{"content":"x","language":"${refused}","args":{}}`],
  ] as const)
    answers.push(await attempt("POST", `/w/vaulted/${path}`, body));
  answers.push(await attempt("POST", "/users/setpassword", { password: { old: secrets.newPassword } }));

  // what else is kept: connections, arguments sealed by the server, drafts, the trash
  await post("workspaces/connect_slack", { bot_token: secrets.slack, team_id: "T", team_name: "Team" });
  const key = await instance.json<{ key: string }>("GET", "/w/vaulted/workspaces/encryption_key");
  Object.assign(made, { workspaceKey: key.key });
  await keep("u/admin/gone", secrets.variable);
  await instance.text("DELETE", "/w/vaulted/variables/delete/u/admin/gone");
  const draft = { path: "u/admin/key", value: secrets.draft, is_secret: true, description: "" };
  await post("drafts/update/variable/u/admin/key", { value: draft });

  // what leaves: exports without the plain flag, lists, the audit log, another workspace, a fork
  for (const path of [
    "workspaces/tarball?archive_type=tar&include_settings=true&include_schedules=true",
    "variables/list",
    "resources/list",
    "resources/get/u/admin/db",
    "resources/list_search",
    "variables/get/u/admin/key?decrypt_secret=false&include_encrypted=true",
    "audit/list?per_page=1000",
    "jobs/list?per_page=1000",
    "trash/list",
    "workspaces/get_settings",
  ])
    answers.push(await instance.text("GET", `/w/vaulted/${path}`));
  const beside = ["variables/get_value/u/admin/key", "resources/get_value_interpolated/u/admin/db", "variables/list"];
  for (const path of beside) answers.push(await attempt("GET", `/w/beside/${path}`));
  await post("workspaces/create_fork", { id: "wm-fork-vaulted", name: "Fork" });

  const database = instance.databaseUrl;
  const db = openPool({ url: database, max: 1, applicationName: "canary" });
  whenDone(() => db.close());
  const texts = await dump(db);
  texts.set("output of the platform", instance.process.output());
  texts.set("answers", answers.join("\n"));
  for (const path of filesIn(dataFolder)) {
    if (!path.endsWith("/instance.key"))
      texts.set(`file ${path.slice(dataFolder.length)}`, readFileSync(path, "latin1"));
  }
  const [, databasePassword = ""] = /:\/\/[^:/@]+:([^@]+)@/.exec(database) ?? [];
  if (databasePassword.length > 5) Object.assign(made, { databasePassword });
  Object.assign(made, {
    adminPassword,
    instanceKey: readFileSync(join(dataFolder, "instance.key"), "utf8").trim(),
  });
  const found = [...texts].flatMap(([where, text]) =>
    Object.entries(made).flatMap(([name, secret]) =>
      formsOf(secret).some((form) => text.includes(form)) ? [`${name} in ${where}`] : [],
    ),
  );
  expect(found).toEqual([]);
  // that the search finds what is there: a token by its hash, the address of an account
  expect(texts.get("table token")).toContain(createHash("sha256").update(token).digest("hex"));
  expect(texts.get("table account")).toContain(adminEmail);
});
