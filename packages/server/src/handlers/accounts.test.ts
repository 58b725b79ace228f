import { sql } from "@towermill/store";
import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const instance = await startInstance({ db, url, clock: testClock(new Date()) });
whenDone(() => instance.close());
const { call, admin, account } = instance;

const create = (body: unknown, token = admin) => call("POST /users/create", { token, body });

describe("accounts", () => {
  test("are made once per address, whatever its case", async () => {
    const answer = await create({ email: "Grace@X.org", password: "12345", super_admin: false, name: "Grace" });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("content-type")).toContain("text/plain");
    expect((await create({ email: "grace@x.org", super_admin: false })).status).toBe(400);
    expect((await create({ email: "grace@x.org", super_admin: false })).text).toContain("already exists");
  });

  test("need an address that is one", async () => {
    for (const email of ["", "a", "a@b c", "a:b@c", "a@b\u0000", "a,b@c", "a/b@c", 1, null, "x".repeat(300) + "@y.z"]) {
      expect([String(email), (await create({ email, super_admin: false })).status]).toEqual([String(email), 400]);
    }
    expect((await create({ email: "fine@x.org" })).status).toBe(400);
  });

  test("are made, listed, changed and deleted by super admins only", async () => {
    const token = await account("plain@x.org", { workspace: "admins", is_admin: true });
    const attempts: [string, unknown?][] = [
      ["POST /users/create", { email: "b@x.org", super_admin: false }],
      ["GET /users/list_as_super_admin"],
      ["POST /users/update/plain@x.org", { is_super_admin: true }],
      ["POST /users/rename/plain@x.org", { new_username: "boss" }],
      ["DELETE /users/delete/admin@windmill.dev"],
      ["GET /users/username_info/plain@x.org"],
    ];
    for (const [request, body] of attempts)
      expect([request, (await call(request, { token, body })).status]).toEqual([request, 403]);
    expect((await call("GET /users/list_as_super_admin")).status).toBe(401);
  });

  test("are listed in pages that the official CLI counts from 0 and everybody else from 1", async () => {
    for (let n = 0; n < 12; n += 1) await create({ email: `page${n}@x.org`, super_admin: false });
    const emails = async (query: string, headers = {}) =>
      (await call(`GET /users/list_as_super_admin?${query}`, { token: admin, headers }))
        .json<{ email: string }[]>()
        .map((row) => row.email);
    const all = await emails("");
    const cli = { "x-windmill-client": "cli" };
    expect([...(await emails("page=0&per_page=10", cli)), ...(await emails("page=1&per_page=10", cli))]).toEqual(
      all.slice(0, 20),
    );
    expect([...(await emails("page=1&per_page=10")), ...(await emails("page=2&per_page=10"))]).toEqual(
      all.slice(0, 20),
    );
    expect((await call("GET /users/list_as_super_admin?page=-1", { token: admin })).status).toBe(400);
    expect((await call("GET /users/list_as_super_admin?per_page=x", { token: admin })).status).toBe(400);
  });

  test("that are disabled or demoted lose what they had at once", async () => {
    const token = await account("rise@x.org");
    await call("POST /users/update/rise@x.org", { token: admin, body: { is_super_admin: true } });
    expect((await call("GET /users/list_as_super_admin", { token })).status).toBe(200);
    const pat = (await call("POST /users/tokens/create", { token, body: {} })).text;
    await call("POST /users/update/rise@x.org", { token: admin, body: { is_super_admin: false } });
    expect((await call("GET /users/list_as_super_admin", { token: pat })).status).toBe(403);
    await call("POST /users/update/rise@x.org", { token: admin, body: { disabled: true } });
    expect((await call("GET /users/whoami", { token: pat })).status).toBe(401);
    expect((await call("POST /users/update/no@x.org", { token: admin, body: {} })).status).toBe(404);
  });

  test("of the last super admin cannot be demoted, disabled or deleted", async () => {
    const last = "admin@windmill.dev";
    expect((await call(`POST /users/update/${last}`, { token: admin, body: { is_super_admin: false } })).status).toBe(
      400,
    );
    expect((await call(`POST /users/update/${last}`, { token: admin, body: { disabled: true } })).status).toBe(400);
    expect((await call(`DELETE /users/delete/${last}`, { token: admin })).status).toBe(400);
    expect((await call("GET /users/whoami", { token: admin })).status).toBe(200);
  });

  test("that are deleted leave every workspace", async () => {
    const token = await account("bye@x.org", { workspace: "admins" });
    expect((await call("GET /w/admins/users/whoami", { token })).status).toBe(200);
    expect((await call("DELETE /users/delete/bye@x.org", { token: admin })).status).toBe(200);
    expect((await call("GET /w/admins/users/whoami", { token })).status).toBe(401);
    expect((await call("GET /w/admins/users/get/bye", { token: admin })).status).toBe(404);
    expect((await call("DELETE /users/delete/bye@x.org", { token: admin })).status).toBe(404);
  });

  test("tell of others only to whom may know", async () => {
    const token = await account("curious@x.org");
    const exists = async (email: string, by: string) => (await call(`GET /users/exists/${email}`, { token: by })).text;
    expect(await exists("grace@x.org", admin)).toBe("true");
    expect(await exists("nobody@x.org", admin)).toBe("false");
    expect(await exists("grace@x.org", token)).toBe("false");
    expect(await exists("curious@x.org", token)).toBe("true");
  });
});

test("a renamed account keeps its memberships, its items and its access", async () => {
  const token = await account("rename@x.org", { workspace: "admins" });
  await call("POST /w/admins/folders/create", { token, body: { name: "mine" } });
  await db.execute(sql`
    insert into variable (workspace_id, path, value, extra_perms)
    values ('admins', 'u/rename/a', 'x', '{"u/rename": true}'), ('admins', 'u/rename2/a', 'x', '{}')`);
  expect(
    (await call("POST /users/rename/rename@x.org", { token: admin, body: { new_username: "plain" } })).status,
  ).toBe(400);
  expect(
    (await call("POST /users/rename/rename@x.org", { token: admin, body: { new_username: "renamed" } })).status,
  ).toBe(200);
  const me = (await call("GET /w/admins/users/whoami", { token })).json();
  expect(me).toMatchObject({ username: "renamed", folders_owners: ["mine"] });
  const paths = await db.query<{ path: string; extra_perms: unknown }>(
    sql`select path, extra_perms from variable order by path`,
  );
  expect(paths).toEqual([
    { path: "u/rename2/a", extra_perms: {} },
    { path: "u/renamed/a", extra_perms: { "u/renamed": true } },
  ]);
  const info = (await call("GET /users/username_info/rename@x.org", { token: admin })).json();
  expect(info).toEqual({ username: "renamed", workspace_usernames: [{ workspace_id: "admins", username: "renamed" }] });
});

test("what one may run is listed over the workspaces one is in", async () => {
  const token = await account("runner@x.org", { workspace: "admins" });
  await db.execute(sql`
    insert into script (workspace_id, hash, path, content, language, created_by)
    values ('admins', '01', 'u/runner/mine', '', 'bash', 'runner'), ('admins', '02', 'u/plain/theirs', '', 'bash', 'plain')`);
  const found = (await call("GET /users/all_runnables", { token })).json<{ endpoint_async: string }[]>();
  expect(found.map((item) => item.endpoint_async)).toEqual([
    "https://tower.example/api/w/admins/jobs/run/p/u/runner/mine",
  ]);
  expect((await call("GET /users/usage", { token })).text).toBe("0");
});
