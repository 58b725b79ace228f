import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const clock = testClock(new Date());
const instance = await startInstance({ db, url, clock });
whenDone(() => instance.close());
const { call, admin, account } = instance;

interface Listed {
  token_prefix: string;
  label?: string;
  scopes?: string[];
  workspace_id?: string;
  read_only: boolean;
}

let user = "";
const mint = (token: string, body: unknown) => call("POST /users/tokens/create", { token, body });
const list = async (token: string) => (await call("GET /users/tokens/list", { token })).json<Listed[]>();

beforeAll(async () => {
  for (const id of ["one", "two"]) await call("POST /workspaces/create", { token: admin, body: { id, name: id } });
  user = await account("ada@x.org", { workspace: "one" });
});

describe("a token", () => {
  test("is shown once, works, is listed by its prefix and stops working at once when deleted", async () => {
    const answer = await mint(user, { label: "ci" });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("content-type")).toContain("text/plain");
    expect((await call("GET /users/email", { token: answer.text })).text).toBe("ada@x.org");
    const listed = (await list(user)).find((token) => token.label === "ci");
    expect(listed).toMatchObject({ token_prefix: answer.text.slice(0, 10), read_only: false, email: "ada@x.org" });
    expect(JSON.stringify(await list(user))).not.toContain(answer.text);
    expect(Object.keys(listed ?? {})).not.toContain("expiration");
    const deleted = await call(`DELETE /users/tokens/delete/${answer.text.slice(0, 10)}`, { token: user });
    expect(deleted).toMatchObject({ status: 200, text: "token deleted" });
    expect((await call("GET /users/email", { token: answer.text })).status).toBe(401);
  });

  test("of somebody else cannot be deleted, relabelled or rescoped", async () => {
    const prefix = admin.slice(0, 10);
    expect((await call(`DELETE /users/tokens/delete/${prefix}`, { token: user })).status).toBe(404);
    expect(
      (await call(`POST /users/tokens/update_label/${prefix}`, { token: user, body: { label: "x" } })).status,
    ).toBe(404);
    expect(
      (await call(`POST /users/tokens/update_scopes/${prefix}`, { token: user, body: { scopes: [] } })).status,
    ).toBe(404);
    expect((await call("GET /users/email", { token: admin })).status).toBe(200);
  });

  test("may be made from an empty body, and not from nonsense", async () => {
    expect((await mint(user, {})).status).toBe(201);
    const past = "2001-01-01T00:00:00Z";
    for (const body of [
      { scopes: ["everything"] },
      { scopes: ["scripts:own"] },
      { scopes: "scripts:read" },
      { expiration: "soon" },
      { expiration: past },
      { workspace_id: "../etc" },
      { label: "a\u0000b" },
      { label: "x".repeat(300) },
      { read_only: "yes" },
    ]) {
      expect([JSON.stringify(body), (await mint(user, body)).status]).toEqual([JSON.stringify(body), 400]);
    }
  });

  test("is only for a workspace its maker is in", async () => {
    expect((await mint(user, { workspace_id: "one" })).status).toBe(201);
    expect((await mint(user, { workspace_id: "two" })).status).toBe(403);
    expect((await mint(user, { workspace_id: "missing" })).status).toBe(403);
  });

  test("can be relabelled and rescoped, with effect at once", async () => {
    const token = (await mint(user, { label: "before" })).text;
    const prefix = token.slice(0, 10);
    expect((await call("GET /users/tokens/list", { token })).status).toBe(200);
    await call(`POST /users/tokens/update_scopes/${prefix}`, { token: user, body: { scopes: ["scripts:read"] } });
    await call(`POST /users/tokens/update_label/${prefix}`, { token: user, body: { label: "after" } });
    expect((await call("GET /users/tokens/list", { token })).status).toBe(403);
    const listed = (await list(user)).find((found) => found.token_prefix === prefix);
    expect(listed).toMatchObject({ label: "after", scopes: ["scripts:read"] });
  });
});

describe("a restricted token never makes a broader one", () => {
  test("scopes only among its own, and those when none are named", async () => {
    const own = ["users:write", "scripts:read", "if_jobs:filter_tags:a"];
    const token = (await mint(user, { scopes: own })).text;
    expect((await mint(token, { scopes: ["scripts:write"] })).status).toBe(403);
    const inherited = (await mint(token, { label: "inherited" })).text;
    const narrowed = (await mint(token, { label: "narrowed", scopes: ["scripts:read"] })).text;
    expect(inherited && narrowed).toBeTruthy();
    const all = await list(user);
    expect(all.find((found) => found.label === "inherited")?.scopes).toEqual(own);
    expect(all.find((found) => found.label === "narrowed")?.scopes).toEqual(["scripts:read", "if_jobs:filter_tags:a"]);
    const itself = `POST /users/tokens/update_scopes/${token.slice(0, 10)}`;
    expect((await call(itself, { token, body: { scopes: ["jobs:run"] } })).status).toBe(403);
    await call(itself, { token, body: { scopes: null } });
    expect((await call("GET /workspaces/list", { token })).status).toBe(403);
  });

  test("a workspace's only for that workspace, and it sees and changes no others", async () => {
    const token = (await mint(user, { workspace_id: "one" })).text;
    expect((await mint(token, { workspace_id: "two" })).status).toBe(403);
    const made = (await mint(token, { label: "bound" })).text;
    expect((await list(user)).find((found) => found.label === "bound")?.workspace_id).toBe("one");
    expect((await list(made)).every((found) => found.workspace_id === "one")).toBe(true);
    expect((await call(`DELETE /users/tokens/delete/${user.slice(0, 10)}`, { token })).status).toBe(404);
    expect((await call("POST /users/setpassword", { token, body: { password: "taken over" } })).status).toBe(403);
  });

  test("a workspace's token of a super admin administers no instance", async () => {
    const token = (await mint(admin, { workspace_id: "one" })).text;
    const attempts: [string, unknown?][] = [
      ["POST /users/create", { email: "evil@x.org", super_admin: true, password: "12345678" }],
      ["POST /users/update/ada@x.org", { is_super_admin: true }],
      ["POST /users/set_password_of/ada@x.org", { password: "12345678" }],
      ["POST /users/tokens/impersonate", { impersonate_email: "ada@x.org" }],
      ["POST /settings/global/uid", { value: 1 }],
      ["PUT /settings/instance_config", {}],
      ["GET /settings/list_global"],
      ["GET /users/list_as_super_admin"],
      ["GET /workspaces/list_as_superadmin"],
      ["DELETE /workspaces/delete/two"],
      ["POST /workspaces/create", { id: "three", name: "three" }],
      ["DELETE /users/delete/ada@x.org"],
    ];
    for (const [request, body] of attempts)
      expect([request, (await call(request, { token, body })).status]).toEqual([request, 403]);
  });

  test("a read-only token writes nothing", async () => {
    const token = (await mint(user, { read_only: true })).text;
    expect((await mint(token, {})).status).toBe(403);
    expect((await call("GET /w/one/users/whoami", { token })).status).toBe(200);
  });

  test("one that ends makes none that lasts longer", async () => {
    const end = new Date(clock.now().getTime() + 3_600_000).toISOString();
    const token = (await mint(user, { scopes: ["users:write"], expiration: end })).text;
    await mint(token, { label: "child" });
    await mint(token, { label: "longer", expiration: new Date(clock.now().getTime() + 9_000_000).toISOString() });
    const made = (await list(user)).filter((found) => ["child", "longer"].includes(found.label ?? ""));
    expect(made.map((found) => (found as { expiration?: string }).expiration)).toEqual([end, end]);
  });

  test("scoped tokens of super admins set no passwords and make no super admins", async () => {
    const token = (await mint(admin, { scopes: ["users:write"] })).text;
    expect(
      (await call("POST /users/set_password_of/ada@x.org", { token, body: { password: "12345678" } })).status,
    ).toBe(403);
    expect((await call("POST /users/create", { token, body: { email: "evil@x.org", super_admin: true } })).status).toBe(
      403,
    );
    expect((await call("POST /users/update/ada@x.org", { token, body: { is_super_admin: true } })).status).toBe(403);
    expect(
      (await call("POST /users/create", { token, body: { email: "fine@x.org", super_admin: false } })).status,
    ).toBe(201);
  });
});

test("super admins act as others by a token, nobody else does", async () => {
  const body = { impersonate_email: "ada@x.org", label: "as ada" };
  const token = await call("POST /users/tokens/impersonate", { token: admin, body });
  expect(token.status).toBe(201);
  expect((await call("GET /users/email", { token: token.text })).text).toBe("ada@x.org");
  expect((await call("POST /users/tokens/impersonate", { token: user, body })).status).toBe(403);
  const nobody = { impersonate_email: "no@x.org" };
  expect((await call("POST /users/tokens/impersonate", { token: admin, body: nobody })).status).toBe(404);
});

test("every scope that is offered is one that a token may have", async () => {
  const domains = (await call("GET /tokens/list/scopes", { token: user })).json<{ scopes: { value: string }[] }[]>();
  const scopes = domains.flatMap((domain) => domain.scopes.map((scope) => scope.value));
  expect(scopes).toContain("jobs:run:flows");
  expect((await mint(user, { scopes })).status).toBe(201);
});

test("a member who is removed cannot go on with a token of the workspace", async () => {
  const leaver = await account("leaver@x.org", { workspace: "one" });
  const token = (await mint(leaver, { workspace_id: "one" })).text;
  expect((await call("GET /w/one/users/whoami", { token })).status).toBe(200);
  await call("DELETE /w/one/users/delete/leaver", { token: admin });
  expect((await call("GET /w/one/users/whoami", { token })).status).toBe(401);
  expect((await call("GET /w/one/users/whoami", { token: leaver })).status).toBe(403);
});
