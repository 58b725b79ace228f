import { sql } from "@towermill/store";
import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

const { db, url } = await testDatabase();
const instance = await startInstance({ db, url, clock: testClock(new Date()) });
whenDone(() => instance.close());
const { call, admin, account } = instance;

let ann = "";
let bob = "";
let operator = "";
const at = (request: string, token: string, body?: unknown) =>
  call(request.replace(" /", " /w/team/"), { token, body });

beforeAll(async () => {
  await call("POST /workspaces/create", { token: admin, body: { id: "team", name: "Team" } });
  ann = await account("ann@x.org", { workspace: "team" });
  bob = await account("bob@x.org", { workspace: "team" });
  operator = await account("op@x.org", { workspace: "team", operator: true });
});

describe("groups", () => {
  test("belong to their maker, who adds and removes members and makes others admins", async () => {
    expect((await at("POST /groups/create", ann, { name: "ops", summary: "Operations" })).text).toBe(
      "Created group ops",
    );
    expect((await at("GET /groups/get/ops", bob)).json()).toEqual({
      name: "ops",
      summary: "Operations",
      members: ["ann"],
      extra_perms: { "u/ann": true },
    });
    expect((await at("POST /groups/adduser/ops", bob, { username: "bob" })).status).toBe(403);
    expect((await at("POST /groups/adduser/ops", ann, { username: "bob" })).status).toBe(200);
    expect((await at("POST /groups/adduser/ops", ann, { username: "nobody" })).status).toBe(404);
    expect((await at("GET /users/whoami", bob)).json()).toMatchObject({ groups: ["all", "ops"] });
    expect((await at("POST /acls/add/group_/ops", ann, { owner: "u/bob", write: true })).status).toBe(200);
    expect((await at("POST /groups/update/ops", bob, { summary: "Ops" })).status).toBe(200);
    expect((await at("POST /groups/removeuser/ops", bob, { username: "ann" })).status).toBe(200);
    expect((await at("POST /acls/remove/group_/ops", bob, { owner: "u/ann" })).status).toBe(200);
    expect((await at("POST /acls/remove/group_/ops", bob, { owner: "u/ann" })).status).toBe(200);
    expect((await at("DELETE /groups/delete/ops", ann)).status).toBe(403);
    expect((await at("GET /groups/get/ops", ann)).json()).toEqual({
      name: "ops",
      summary: "Ops",
      members: ["bob"],
      extra_perms: { "u/bob": true },
    });
  });

  test("named all holds everybody and stays; names with rights of their own are for admins", async () => {
    const all = (await at("GET /groups/get/all", ann)).json<{ members: string[] }>();
    expect(all.members).toEqual(["admin", "ann", "bob", "op"]);
    expect((await at("DELETE /groups/delete/all", admin)).status).toBe(400);
    expect((await at("POST /groups/create", ann, { name: "wm_deployers" })).status).toBe(403);
    expect((await at("POST /groups/create", operator, { name: "mine" })).status).toBe(403);
    expect((await at("POST /groups/create", admin, { name: "wm_deployers" })).status).toBe(200);
    expect((await at("POST /groups/create", admin, { name: "wm_deployers" })).status).toBe(400);
    expect((await at("GET /groups/listnames", ann)).json()).toEqual(["all", "ops", "wm_deployers"]);
    expect((await at("GET /groups/listnames?only_member_of=true", ann)).json()).toEqual(["all"]);
    for (const name of ["", "a/b", "a b", "x".repeat(51), "é", null]) {
      expect((await at("POST /groups/create", admin, { name })).status).toBe(400);
    }
  });

  test("that are deleted leave no access for a later one of that name", async () => {
    await at("POST /groups/create", ann, { name: "brief" });
    await at("POST /folders/create", ann, { name: "shared", extra_perms: { "g/brief": true } });
    await at("DELETE /groups/delete/brief", ann);
    expect((await at("GET /folders/get/shared", ann)).json()).toMatchObject({ extra_perms: { "u/ann": true } });
    expect((await at("GET /groups/get/brief", ann)).status).toBe(404);
  });
});

describe("folders", () => {
  test("are hidden from whom they are not shared with", async () => {
    expect((await at("POST /folders/create", ann, { name: "secret", summary: "Hush", labels: ["x"] })).text).toBe(
      "Created folder secret",
    );
    const folder = (await at("GET /folders/get/secret", ann)).json<Record<string, unknown>>();
    expect(folder).toMatchObject({
      name: "secret",
      owners: ["u/ann"],
      extra_perms: { "u/ann": true },
      summary: "Hush",
      labels: ["x"],
    });
    expect(Object.keys(folder)).not.toContain("default_permissioned_as");
    expect((await at("GET /folders/get/secret", bob)).status).toBe(404);
    expect((await at("GET /folders/get/secret", bob)).text).toBe(
      (await at("GET /folders/get/secrex", bob)).text.replace("secrex", "secret"),
    );
    expect((await at("GET /folders/exists/secret", bob)).text).toBe("false");
    expect((await at("GET /folders/exists/secret", ann)).text).toBe("true");
    expect((await at("GET /folders/listnames", bob)).json()).toEqual([]);
    expect((await at("GET /folders/list", admin)).json()).toHaveLength(2);
    expect((await at("POST /folders/update/secret", bob, { summary: "mine" })).status).toBe(404);
    expect((await at("POST /folders/create", bob, { name: "secret" })).status).toBe(400);
    expect((await at("POST /folders/create", operator, { name: "ops" })).status).toBe(403);
  });

  test("are read, written and owned by whom they are shared with, from the next request on", async () => {
    const rights = async () => {
      const me = (await at("GET /users/whoami", bob)).json<Record<string, string[]>>();
      return [me["folders_read"], me["folders"], me["folders_owners"]];
    };
    await at("POST /acls/add/folder/secret", ann, { owner: "u/bob", write: false });
    expect(await rights()).toEqual([["secret"], [], []]);
    expect((await at("POST /folders/update/secret", bob, { summary: "mine" })).status).toBe(403);
    await at("POST /acls/add/folder/secret", ann, { owner: "u/bob", write: true });
    expect(await rights()).toEqual([["secret"], ["secret"], []]);
    expect((await at("POST /acls/add/folder/secret", bob, { owner: "u/op", write: true })).status).toBe(403);
    await at("POST /folders/addowner/secret", ann, { owner: "g/ops" });
    expect(await rights()).toEqual([["secret"], ["secret"], ["secret"]]);
    expect((await at("POST /folders/removeowner/secret", bob, { owner: "u/ann", write: false })).status).toBe(200);
    expect((await at("GET /folders/get/secret", ann)).json()).toMatchObject({
      owners: ["g/ops"],
      extra_perms: { "u/ann": false },
    });
    expect((await at("POST /folders/removeowner/secret", bob, { owner: "g/ops" })).status).toBe(400);
  });

  test("made by an admin have the owners they are given, by others their maker too", async () => {
    const made = async (name: string, token: string, body: object) => {
      await at("POST /folders/create", token, { name, ...body });
      const { owners, extra_perms } = (await at(`GET /folders/get/${name}`, admin)).json<Record<string, unknown>>();
      return [owners, extra_perms];
    };
    const given = { owners: ["g/ops"], extra_perms: { "g/ops": true, "u/ann": false } };
    expect(await made("given", admin, given)).toEqual([given.owners, given.extra_perms]);
    expect(await made("nobody", admin, { owners: [], extra_perms: {} })).toEqual([[], {}]);
    expect(await made("shared2", ann, given)).toEqual([["u/ann", "g/ops"], { "g/ops": true, "u/ann": true }]);
    for (const name of ["given", "nobody", "shared2"]) await at(`DELETE /folders/delete/${name}`, admin);
  });

  test("keep what an update leaves out", async () => {
    const rules = [{ path_glob: "*", permissioned_as: "u/ann" }];
    await at("POST /folders/update/secret", admin, { default_permissioned_as: rules, display_name: "Secret!" });
    await at("POST /folders/update/secret", admin, { summary: "new" });
    expect((await at("GET /folders/get/secret", admin)).json()).toMatchObject({
      summary: "new",
      labels: ["x"],
      display_name: "Secret!",
      default_permissioned_as: rules,
      owners: ["g/ops"],
    });
  });

  test("say as whom things in them run only as far as admins want", async () => {
    const rules = [{ path_glob: "*", permissioned_as: "u/admin" }];
    const other = { name: "climb", default_permissioned_as: rules };
    expect((await at("POST /folders/create", bob, other)).status).toBe(403);
    expect((await at("POST /folders/update/secret", bob, { default_permissioned_as: rules })).status).toBe(403);
    expect((await at("POST /folders/update/secret", bob, { summary: "fine" })).status).toBe(200);
    expect((await at("POST /folders/create", bob, { name: "plain", default_permissioned_as: [] })).status).toBe(200);
  });

  test("refuse owners and permissions that are none", async () => {
    for (const body of [
      { owners: ["ann"] },
      { owners: "u/ann" },
      { extra_perms: { "u/ann": "yes" } },
      { extra_perms: { ann: true } },
      { summary: "a\u0000" },
      { labels: [1] },
      { default_permissioned_as: [{}] },
    ]) {
      expect([JSON.stringify(body), (await at("POST /folders/update/secret", admin, body)).status]).toEqual([
        JSON.stringify(body),
        400,
      ]);
    }
  });

  test("that are deleted cannot be taken over while their items exist", async () => {
    await db.execute(sql`insert into variable (workspace_id, path, value) values ('team', 'f/secret/v', '')`);
    expect((await at("GET /folders/getusage/secret", admin)).json()).toEqual({
      scripts: 0,
      flows: 0,
      apps: 0,
      resources: 0,
      variables: 1,
      schedules: 0,
    });
    expect((await at("DELETE /folders/delete/secret", ann)).status).toBe(403);
    expect((await at("DELETE /folders/delete/secret", bob)).status).toBe(200);
    expect((await at("POST /folders/create", ann, { name: "secret" })).status).toBe(403);
    expect((await at("POST /folders/create", admin, { name: "secret" })).status).toBe(200);
  });
});

describe("permissions of one item", () => {
  const item = "variable/u/ann/token";

  test("are given and taken by its owner, and seen by who may read it", async () => {
    await db.execute(sql`insert into variable (workspace_id, path, value) values ('team', 'u/ann/token', '')`);
    expect((await at(`GET /acls/get/${item}`, bob)).status).toBe(404);
    expect((await at(`POST /acls/add/${item}`, bob, { owner: "u/bob", write: true })).status).toBe(404);
    expect((await at(`POST /acls/add/${item}`, ann, { owner: "u/bob", write: true })).status).toBe(200);
    expect((await at(`GET /acls/get/${item}`, bob)).json()).toEqual({ "u/bob": true });
    expect((await at(`POST /acls/add/${item}`, bob, { owner: "g/all" })).status).toBe(403);
    expect((await at(`POST /acls/remove/${item}`, ann, { owner: "u/bob" })).status).toBe(200);
    expect((await at(`GET /acls/get/${item}`, ann)).json()).toEqual({});
  });

  test("of a script hold for all its versions", async () => {
    await db.execute(sql`
      insert into script (workspace_id, hash, path, content, language, created_by, archived)
      values ('team', '01', 'u/ann/s', '', 'bash', 'ann', true), ('team', '02', 'u/ann/s', '', 'bash', 'ann', false)`);
    await at("POST /acls/add/script/u/ann/s", ann, { owner: "u/bob", write: false });
    const rows = await db.query(sql`select distinct extra_perms from script where path = 'u/ann/s'`);
    expect(rows).toEqual([{ extra_perms: { "u/bob": false } }]);
  });

  test("of unknown kinds, kinds without items and odd owners are refused", async () => {
    expect((await at("GET /acls/get/account/x", ann)).status).toBe(400);
    expect((await at("GET /acls/get/volume/x", ann)).status).toBe(404);
    expect((await at("GET /acls/get/variable/u/ann/none", ann)).status).toBe(404);
    for (const owner of ["bob", "u/", "x/bob", "u/a b", "u/bob'", "", 1]) {
      expect((await at(`POST /acls/add/${item}`, ann, { owner, write: true })).status).toBe(400);
    }
    expect((await at(`POST /acls/add/${item}`, operator, { owner: "u/op", write: true })).status).toBe(403);
  });
});
