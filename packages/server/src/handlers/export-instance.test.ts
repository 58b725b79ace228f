import { testDatabase, whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const { admin: token, call, account, close } = await startInstance({ db, url, clock: { now: () => new Date() } });
whenDone(close);

interface User {
  email: string;
  password_hash?: string;
  super_admin: boolean;
}

describe("every account", () => {
  test("goes out and in again, and people log in as before", async () => {
    await account("ann@example.com");
    const users = (await call("GET /users/export", { token })).json<User[]>();
    expect(users.map(({ email }) => email)).toEqual(["admin@windmill.dev", "ann@example.com"]);
    const without = users.filter(({ super_admin }) => super_admin);
    expect(await call("POST /users/overwrite", { token, body: without })).toMatchObject({
      status: 200,
      text: "1 accounts written, 1 deleted",
    });
    const login = { email: "ann@example.com", password: "correct horse" };
    expect((await call("POST /auth/login", { body: login })).status).toBe(400);
    expect((await call("POST /users/overwrite", { token, body: users })).status).toBe(200);
    expect((await call("POST /auth/login", { body: login })).status).toBe(200);
    expect((await call("GET /users/export", { token })).json()).toEqual(users);
  });

  test("is not overwritten without the one who does it, with made-up hashes, or by others", async () => {
    const other = await account("ben@example.com");
    const users = (await call("GET /users/export", { token })).json<User[]>();
    expect((await call("POST /users/overwrite", { token, body: [] })).text).toMatch(/must be in it/);
    const broken = users.map((user) => ({ ...user, password_hash: "plain" }));
    expect((await call("POST /users/overwrite", { token, body: broken })).text).toMatch(
      /password_hash: is no Argon2 hash/,
    );
    for (const request of ["GET /users/export", "POST /users/overwrite", "GET /groups/export", "GET /groups/list"])
      expect((await call(request, { token: other, ...(request.startsWith("POST") ? { body: [] } : {}) })).status).toBe(
        403,
      );
  });
});

test("groups of accounts are made, filled, changed, exported and replaced", async () => {
  expect((await call("POST /groups/create", { token, body: { name: "staff", summary: "All of us" } })).status).toBe(
    200,
  );
  expect((await call("POST /groups/create", { token, body: { name: "staff" } })).status).toBe(400);
  await call("POST /groups/adduser/staff", { token, body: { email: "ann@example.com" } });
  await call("POST /groups/adduser/staff", { token, body: { email: "ann@example.com" } });
  expect((await call("GET /groups/list", { token })).json()).toEqual([
    { name: "staff", summary: "All of us", emails: ["ann@example.com"] },
  ]);
  expect((await call("GET /groups/get/staff", { token })).json()).toMatchObject({ workspaces: [] });
  await call("POST /groups/update/staff", { token, body: { new_summary: "Us" } });
  const exported = (await call("GET /groups/export", { token })).json<unknown[]>();
  expect(exported).toEqual([{ name: "staff", summary: "Us", emails: ["ann@example.com"] }]);
  await call("POST /groups/removeuser/staff", { token, body: { email: "ann@example.com" } });
  expect((await call("POST /groups/overwrite", { token, body: exported })).status).toBe(200);
  expect((await call("GET /groups/export", { token })).json()).toEqual(exported);
  const role = await call("POST /groups/overwrite", { token, body: [{ name: "x", instance_role: "superadmin" }] });
  expect([role.status, role.text]).toEqual([400, expect.stringMatching(/instance_role/)]);
  expect((await call("DELETE /groups/delete/staff", { token })).status).toBe(200);
  expect((await call("DELETE /groups/delete/staff", { token })).status).toBe(404);
});
