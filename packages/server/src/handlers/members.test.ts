import { sql } from "@towermill/store";
import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const instance = await startInstance({ db, url, clock: testClock(new Date()) });
whenDone(() => instance.close());
const { call, admin, account } = instance;

interface Shown {
  username: string;
  groups: string[];
}

let lead = "";
let dev = "";
let operator = "";

beforeAll(async () => {
  await call("POST /workspaces/create", { token: admin, body: { id: "team", name: "Team", username: "root" } });
  lead = await account("lead@x.org", { workspace: "team", is_admin: true });
  dev = await account("dev@x.org", { workspace: "team" });
  operator = await account("op@x.org", { workspace: "team", operator: true });
});

describe("members", () => {
  test("are shown with their role; unset fields are absent", async () => {
    const users = (await call("GET /w/team/users/list", { token: dev })).json<Shown[]>();
    expect(users.map((user) => user.username)).toEqual(["dev", "lead", "op", "root"]);
    expect(users[2]).toMatchObject({
      email: "op@x.org",
      operator: true,
      is_admin: false,
      disabled: false,
      groups: ["all"],
    });
    expect(JSON.stringify(users)).not.toContain("null");
    expect((await call("GET /w/team/users/list_usernames", { token: dev })).json()).toEqual([
      "dev",
      "lead",
      "op",
      "root",
    ]);
    expect((await call("GET /w/team/users/username_to_email/dev", { token: dev })).text).toBe("dev@x.org");
    expect((await call("GET /w/team/users/get/nobody", { token: dev })).status).toBe(404);
    expect((await call("GET /w/team/users/whois/dev", { token: dev })).json()).toMatchObject({ email: "dev@x.org" });
  });

  test("are changed by admins of the workspace only", async () => {
    for (const token of [dev, operator]) {
      expect((await call("POST /w/team/users/update/dev", { token, body: { is_admin: true } })).status).toBe(403);
      expect((await call("DELETE /w/team/users/delete/lead", { token })).status).toBe(403);
      const body = { email: "friend@x.org", is_admin: true, operator: false };
      expect((await call("POST /w/team/workspaces/add_user", { token, body })).status).toBe(403);
    }
    expect((await call("POST /w/team/users/update/nobody", { token: lead, body: {} })).status).toBe(404);
  });

  test("get a changed role with their next request, and lose the workspace when disabled", async () => {
    const update = (body: unknown) => call("POST /w/team/users/update/dev", { token: lead, body });
    const whoami = async () => call("GET /w/team/users/whoami", { token: dev });
    await update({ is_admin: true });
    expect((await whoami()).json()).toMatchObject({ is_admin: true });
    await update({ is_admin: false, operator: true });
    expect((await whoami()).json()).toMatchObject({ is_admin: false, operator: true });
    await update({ disabled: true });
    expect((await whoami()).status).toBe(403);
    await update({ operator: false, disabled: false });
    expect((await whoami()).json()).toMatchObject({ operator: false, disabled: false });
  });

  test("are added once, under a name of their own", async () => {
    const add = (body: Record<string, unknown>) =>
      call("POST /w/team/workspaces/add_user", { token: lead, body: { is_admin: false, operator: false, ...body } });
    expect((await add({ email: "dev@x.org" })).status).toBe(400);
    expect((await add({ email: "new@x.org", username: "dev" })).status).toBe(400);
    expect((await add({ email: "dev@elsewhere.org" })).text).toBe("user dev2 with email dev@elsewhere.org added");
    expect((await add({ email: "Ünï+tag@x.org" })).text).toMatch(/^user \w+ with email/);
    for (const username of ["../x", "a b", "", "u/x", "x".repeat(60), ".hidden"]) {
      expect([username, (await add({ email: "bad@x.org", username })).status]).toEqual([username, 400]);
    }
  });

  test("leave by themselves", async () => {
    const token = await account("leaver@x.org", { workspace: "team" });
    expect((await call("POST /w/team/workspaces/leave", { token })).status).toBe(200);
    expect((await call("GET /w/team/users/whoami", { token })).status).toBe(403);
  });

  test("who are removed leave no access behind for a later one of that name", async () => {
    const token = await account("ghost@x.org", { workspace: "team" });
    await call("POST /w/team/folders/create", { token, body: { name: "haunted" } });
    await call("POST /w/team/groups/create", { token, body: { name: "ghosts" } });
    await db.execute(sql`
      insert into variable (workspace_id, path, value, extra_perms) values ('team', 'f/x/v', '', '{"u/ghost": true, "u/dev": true}')`);
    await call("DELETE /w/team/users/delete/ghost", { token: lead });
    await call("POST /w/team/workspaces/add_user", {
      token: lead,
      body: { email: "other@x.org", username: "ghost", is_admin: false, operator: false },
    });
    const later = (await call("GET /w/team/users/get/ghost", { token: lead })).json();
    expect(later).toMatchObject({
      email: "other@x.org",
      groups: ["all"],
      folders: [],
      folders_read: [],
      folders_owners: [],
    });
    const row = await db.one(sql`select extra_perms from variable where path = 'f/x/v'`);
    expect(row).toEqual({ extra_perms: { "u/dev": true } });
  });

  test("own their paths and the folders they own", async () => {
    await call("POST /w/team/folders/create", { token: dev, body: { name: "lib" } });
    const owns = async (path: string, token: string) =>
      (await call(`GET /w/team/users/is_owner/${path}`, { token })).text;
    expect(await owns("u/dev/a/b", dev)).toBe("true");
    expect(await owns("u/lead/a", dev)).toBe("false");
    expect(await owns("f/lib/a", dev)).toBe("true");
    expect(await owns("f/lib/a", operator)).toBe("false");
    expect(await owns("u/dev/a", lead)).toBe("true");
  });
});

test("a super admin acts in a workspace without being a member", async () => {
  await call("POST /users/create", {
    token: admin,
    body: { email: "sa@x.org", password: "correct horse", super_admin: true },
  });
  const token = (await call("POST /auth/login", { body: { email: "sa@x.org", password: "correct horse" } })).text;
  const me = (await call("GET /w/team/users/whoami", { token })).json();
  expect(me).toMatchObject({ username: "sa@x.org", is_admin: true, is_super_admin: true, non_member: true });
  expect((await call("GET /w/team/users/whois/sa@x.org", { token: dev })).json()).toMatchObject({ non_member: true });
});

describe("invitations", () => {
  const invite = (email: string) =>
    call("POST /w/team/workspaces/invite_user", { token: lead, body: { email, is_admin: false, operator: true } });

  test("are accepted by whom they are for, once", async () => {
    const token = await account("guest@x.org");
    expect((await invite("Guest@x.org")).status).toBe(200);
    const pending = [{ workspace_id: "team", email: "guest@x.org", is_admin: false, operator: true }];
    expect((await call("GET /w/team/workspaces/list_pending_invites", { token: lead })).json()).toEqual(pending);
    expect((await call("GET /users/list_invites", { token })).json()).toEqual(pending);
    expect(
      (await call("POST /workspaces/exists_username", { token, body: { id: "team", username: "dev" } })).text,
    ).toBe("true");
    expect((await call("POST /users/accept_invite", { token: dev, body: { workspace_id: "team" } })).status).toBe(404);
    const body = { workspace_id: "team", username: "visitor" };
    expect((await call("POST /users/accept_invite", { token, body })).status).toBe(200);
    expect((await call("GET /w/team/users/whoami", { token })).json()).toMatchObject({
      username: "visitor",
      operator: true,
    });
    expect((await call("POST /users/accept_invite", { token, body })).status).toBe(404);
    expect((await invite("guest@x.org")).status).toBe(400);
  });

  test("are declined, taken back, and not for others to see", async () => {
    const token = await account("shy@x.org");
    await invite("shy@x.org");
    expect((await call("POST /users/decline_invite", { token, body: { workspace_id: "team" } })).status).toBe(200);
    await invite("shy@x.org");
    await call("POST /w/team/workspaces/delete_invite", { token: lead, body: { email: "shy@x.org" } });
    expect((await call("GET /users/list_invites", { token })).json()).toEqual([]);
    expect(
      (await call("POST /workspaces/exists_username", { token, body: { id: "team", username: "dev" } })).text,
    ).toBe("false");
    expect((await call("GET /w/team/workspaces/list_pending_invites", { token: dev })).status).toBe(403);
    expect(
      (
        await call("POST /w/team/workspaces/invite_user", {
          token: dev,
          body: { email: "a@b.c", is_admin: true, operator: false },
        })
      ).status,
    ).toBe(403);
  });
});

test("usernames given out by the instance are the same everywhere", async () => {
  await call("POST /settings/global/automate_username_creation", { token: admin, body: { value: true } });
  const token = await account("auto@x.org", { workspace: "team" });
  await call("POST /workspaces/create", { token: admin, body: { id: "second", name: "Second" } });
  const body = { email: "auto@x.org", username: "ignored", is_admin: false, operator: false };
  await call("POST /w/second/workspaces/add_user", { token: admin, body });
  const users = (await call("GET /workspaces/users", { token })).json<{ workspaces: { username: string }[] }>();
  expect(users.workspaces.map((workspace) => workspace.username)).toEqual(["auto", "auto"]);
  await call("POST /settings/global/automate_username_creation", { token: admin, body: { value: null } });
});
