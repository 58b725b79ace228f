import { sql } from "@towermill/store";
import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { ensureFirstAdmin } from "./first-admin.ts";
import { startInstance } from "./instance.test-support.ts";

const { db, url } = await testDatabase();
const clock = testClock(new Date());
const instance = await startInstance({ db, url, clock });
whenDone(() => instance.close());
const { call, admin, account } = instance;
const password = "correct horse";

describe("the first admin", () => {
  test("exists once, however often the program starts", async () => {
    const again = await ensureFirstAdmin(instance.services, { email: "other@x.org", password: "another one" });
    expect(again).toEqual({ email: "admin@windmill.dev" });
  });

  test("is an admin of the workspace admins and a super admin", async () => {
    const me = (await call("GET /w/admins/users/whoami", { token: admin })).json<Record<string, unknown>>();
    expect(me).toMatchObject({
      username: "admin",
      is_admin: true,
      is_super_admin: true,
      operator: false,
      groups: ["all"],
    });
    const global = (await call("GET /users/whoami", { token: admin })).json<Record<string, unknown>>();
    expect(global).toMatchObject({
      email: "admin@windmill.dev",
      super_admin: true,
      login_type: "password",
      disabled: false,
    });
    expect(Object.values(global)).not.toContain(null);
  });

  test("gets a password made up when none is given", async () => {
    await db.transaction(async (tx) => {
      await tx.execute(sql`update account set super_admin = false`);
    });
    const made = await ensureFirstAdmin(instance.services, { email: "Second@x.org", password: undefined });
    await db.execute(sql`update account set super_admin = true where email = 'admin@windmill.dev'`);
    expect(made.email).toBe("second@x.org");
    expect(made.password).toMatch(/^\w{20}$/);
    const login = await call("POST /auth/login", { body: { email: "second@x.org", password: made.password } });
    expect(login.status).toBe(200);
  });

  test("cannot have a password that is too short", async () => {
    await db.execute(sql`update account set super_admin = false`);
    await expect(ensureFirstAdmin(instance.services, { email: "a@b.c", password: "short" })).rejects.toThrow(
      /too short/,
    );
    await db.execute(sql`update account set super_admin = true where email = 'admin@windmill.dev'`);
  });
});

describe("logging in", () => {
  test("answers the token as text and as a cookie that scripts and other sites cannot use", async () => {
    await account("cookie@x.org");
    const answer = await call("POST /auth/login", { body: { email: " Cookie@X.org", password } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/plain");
    expect(answer.text).toMatch(/^\w{32}$/);
    const cookie = answer.headers.get("set-cookie") ?? "";
    for (const part of [`token=${answer.text};`, "HttpOnly", "SameSite=Lax", "Path=/", "Secure"])
      expect(cookie).toContain(part);
    const me = await call("GET /users/email", { headers: { cookie: `token=${answer.text}` } });
    expect(me.text).toBe("cookie@x.org");
  });

  test("fails alike for a wrong password, an unknown account, a disabled one, one without password and nonsense", async () => {
    await account("gone@x.org");
    await call("POST /users/update/gone@x.org", { token: admin, body: { disabled: true } });
    await call("POST /users/create", { token: admin, body: { email: "sso@x.org", super_admin: false } });
    const attempts = [
      { email: "admin@windmill.dev", password: "wrong" },
      { email: "nobody@x.org", password },
      { email: "gone@x.org", password },
      { email: "sso@x.org", password: "" },
      { email: "a\u0000b", password },
      { email: "' or 1=1 --", password: "x".repeat(5000) },
    ];
    const answers = await Promise.all(attempts.map((body) => call("POST /auth/login", { body })));
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`))).toEqual(
      new Set(["400 Invalid login: the email address or the password is wrong"]),
    );
    expect(answers.every((answer) => answer.headers.get("set-cookie") === null)).toBe(true);
  });

  test("refuses bodies that are no login", async () => {
    for (const body of [
      undefined,
      "{",
      "[]",
      { email: 1, password },
      { email: "a@b.c" },
      { email: "a@b.c", password: { $ne: 1 } },
    ]) {
      expect((await call("POST /auth/login", { body })).status).toBe(400);
    }
  });

  test("is refused from another site's page", async () => {
    const answer = await call("POST /auth/login", {
      body: { email: "a@b.c", password },
      headers: { origin: "https://evil.example" },
    });
    expect(answer.status).toBe(403);
  });

  test("stops guessing after ten failures, also when they come together, and lets in again after a while", async () => {
    await account("guessed@x.org");
    const guess = () => call("POST /auth/login", { body: { email: "guessed@x.org", password: "guess" } });
    const statuses = (await Promise.all(Array.from({ length: 14 }, guess))).map((answer) => answer.status);
    expect(statuses.filter((status) => status === 400)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(4);
    const right = { body: { email: "guessed@x.org", password } };
    expect((await call("POST /auth/login", right)).status).toBe(429);
    await db.execute(sql`update login_failure set at = at - interval '20 seconds'`);
    expect((await call("POST /auth/login", right)).status).toBe(200);
    expect((await guess()).status).toBe(400);
  });

  test("limits accounts that do not exist in the same way", async () => {
    const guess = () => call("POST /auth/login", { body: { email: "ghost@x.org", password: "guess" } });
    for (let n = 0; n < 10; n += 1) expect((await guess()).status).toBe(400);
    expect((await guess()).status).toBe(429);
  });

  test("stops guessing from one address at many accounts, and goes on for others", async () => {
    await account("behind@x.org");
    instance.services.trustedProxies = 1;
    const guess = (n: number, from: string, typed = "guess") =>
      call("POST /auth/login", {
        body: { email: n < 0 ? "behind@x.org" : `victim${n}@x.org`, password: typed },
        headers: { "x-forwarded-for": `6.6.6.6, ${from}` },
      });
    // those that succeed are not counted
    for (let n = 0; n < 3; n += 1) expect((await guess(-1, "203.0.113.9", password)).status).toBe(200);
    const statuses = (await Promise.all(Array.from({ length: 33 }, (_, n) => guess(n, "203.0.113.9")))).map(
      (answer) => answer.status,
    );
    expect(statuses.filter((status) => status === 400)).toHaveLength(30);
    expect((await guess(-1, "203.0.113.9", password)).text).toMatch(/Too many failed logins from this address/);
    expect((await guess(-1, "203.0.113.10", password)).status).toBe(200);
    expect((await guess(50, "2001:db8::1")).status).toBe(400);
    instance.services.trustedProxies = 0;
    const entries = await db.query<{ resource: string; parameters: unknown }>(sql`
      select resource, parameters from audit where parameters ? 'address' and operation = 'users.login' order by id desc limit 1`);
    expect(entries).toEqual([{ resource: "behind@x.org", parameters: { address: "203.0.113.10" } }]);
  });

  test("is audited, success and failure, without what was typed for an unknown account", async () => {
    await call("POST /auth/login", { body: { email: "my-secret-password", password } });
    const entries = (await call("GET /w/admins/audit/list?all_workspaces=true", { token: admin })).json<
      { operation: string; resource: string }[]
    >();
    expect(entries[0]).toMatchObject({ operation: "users.login_failure", resource: "unknown account" });
    expect(entries.some((entry) => entry.operation === "users.login" && entry.resource === "cookie@x.org")).toBe(true);
  });

  test("can be switched off for everybody but super admins", async () => {
    await account("late@x.org");
    await call("POST /settings/global/disable_password_login", { token: admin, body: { value: true } });
    expect((await call("GET /auth/is_password_login_disabled")).text).toBe("true");
    expect((await call("POST /auth/login", { body: { email: "late@x.org", password } })).status).toBe(400);
    expect((await call("POST /auth/login", { body: { email: "admin@windmill.dev", password } })).status).toBe(200);
    await call("POST /settings/global/disable_password_login", { token: admin, body: { value: null } });
  });
});

describe("sessions", () => {
  test("end with logging out, which clears the cookie even without a valid one", async () => {
    const token = await account("out@x.org");
    const answer = await call("POST /auth/logout", { headers: { cookie: `token=${token}` } });
    expect(answer.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await call("GET /users/whoami", { token })).status).toBe(401);
    expect((await call("POST /auth/logout", { headers: { cookie: `token=${token}` } })).status).toBe(200);
  });

  test("end after thirty days", async () => {
    const token = await account("month@x.org");
    expect((await call("GET /users/whoami", { token })).status).toBe(200);
    clock.advanceBy(31 * 24 * 3600 * 1000);
    expect((await call("GET /users/whoami", { token })).status).toBe(401);
    clock.advanceBy(-31 * 24 * 3600 * 1000);
  });

  test("are replaced by a refresh, and only when they end soon if asked so", async () => {
    const token = await account("fresh@x.org");
    const same = await call("GET /users/refresh_token?if_expiring_in_less_than_s=60", { token });
    expect(same.text).toBe(token);
    const fresh = await call("GET /users/refresh_token", { token });
    expect(fresh.text).not.toBe(token);
    expect((await call("GET /users/email", { token: fresh.text })).text).toBe("fresh@x.org");
    expect((await call("GET /users/email", { token })).status).toBe(200);
    clock.advanceBy(61_000);
    expect((await call("GET /users/email", { token })).status).toBe(401);
    clock.advanceBy(-61_000);
  });

  test("cannot be had from a narrow token that calls itself a session", async () => {
    const own = await account("narrow@x.org", { workspace: "admins" });
    for (const body of [
      { label: "session", scopes: ["users:write"] },
      { label: "session", workspace_id: "admins" },
      { label: "session", read_only: true },
    ]) {
      const token = (await call("POST /users/tokens/create", { token: own, body })).text;
      expect((await call("GET /users/refresh_token", { token })).status).toBe(400);
    }
  });

  test("end, but for the current one, when the password changes", async () => {
    const one = await account("change@x.org");
    const two = (await call("POST /auth/login", { body: { email: "change@x.org", password } })).text;
    expect((await call("POST /users/setpassword", { token: one, body: { password: "short" } })).status).toBe(400);
    expect((await call("POST /users/setpassword", { token: one, body: { password: "a better one" } })).status).toBe(
      200,
    );
    expect((await call("GET /users/email", { token: one })).status).toBe(200);
    expect((await call("GET /users/email", { token: two })).status).toBe(401);
    expect((await call("POST /auth/login", { body: { email: "change@x.org", password } })).status).toBe(400);
    expect((await call("POST /users/set_password_of/change@x.org", { token: one, body: { password } })).status).toBe(
      403,
    );
    expect((await call("POST /users/set_password_of/change@x.org", { token: admin, body: { password } })).status).toBe(
      200,
    );
    expect((await call("GET /users/email", { token: one })).status).toBe(401);
  });
});
