import { testClock, testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { startInstance } from "../identity/instance.test-support.ts";

/** What `wmill workspace add` and the first calls of every command meet, with each kind of token. */
const { db, url } = await testDatabase();
const clock = testClock(new Date());
const instance = await startInstance({ db, url, clock });
whenDone(() => instance.close());
const { call, admin, account } = instance;

const tokens: Record<string, string> = {};

beforeAll(async () => {
  for (const id of ["own", "other"]) await call("POST /workspaces/create", { token: admin, body: { id, name: id } });
  const user = await account("dev@x.org", { workspace: "own" });
  const mint = async (body: unknown) => (await call("POST /users/tokens/create", { token: user, body })).text;
  Object.assign(tokens, {
    "super admin": admin,
    member: user,
    "workspace-scoped": await mint({ workspace_id: "own" }),
    "workspace-scoped of a super admin": (
      await call("POST /users/tokens/create", { token: admin, body: { workspace_id: "own" } })
    ).text,
    "few scopes": await mint({ scopes: ["scripts:read"] }),
    "few scopes in a workspace": await mint({ scopes: ["scripts:read"], workspace_id: "own" }),
    expired: await mint({ expiration: new Date(clock.now().getTime() + 60_000).toISOString() }),
    revoked: await mint({}),
    invalid: "invalid",
    none: "",
  });
  await call(`DELETE /users/tokens/delete/${tokens["revoked"]?.slice(0, 10)}`, { token: user });
  clock.advanceBy(120_000);
});

// exists own, other, missing; whoami of the instance and of the workspaces own and other; list of workspaces
const matrix: [string, string][] = [
  ["super admin", "true true false 200 200 200 200"],
  ["member", "true false false 200 200 403 200"],
  ["workspace-scoped", "true false false 200 200 403 200"],
  ["workspace-scoped of a super admin", "true false false 200 200 403 200"],
  ["few scopes", "true false false 200 200 403 403"],
  ["few scopes in a workspace", "true false false 200 200 403 403"],
  ["expired", "401 401 401 401 401 401 401"],
  ["revoked", "401 401 401 401 401 401 401"],
  ["invalid", "401 401 401 401 401 401 401"],
  ["none", "401 401 401 401 401 401 401"],
];

describe.each(matrix)("with a token: %s", (kind, expected) => {
  test(`exists own/other/missing, whoami instance/own/other, list: ${expected}`, async () => {
    const token = tokens[kind] ?? "";
    const exists = async (id: string) => {
      const answer = await call("POST /workspaces/exists", { token, body: { id } });
      return answer.status === 200 ? answer.text : String(answer.status);
    };
    const status = async (request: string) => String((await call(request, { token })).status);
    const found = [
      await exists("own"),
      await exists("other"),
      await exists("missing"),
      await status("GET /users/whoami"),
      await status("GET /w/own/users/whoami"),
      await status("GET /w/other/users/whoami"),
      await status("GET /workspaces/list"),
    ];
    expect(found.join(" ")).toBe(expected);
  });
});

test("refusals are text, never HTML, and say what is missing", async () => {
  const answer = await call("GET /workspaces/list", { token: tokens["few scopes"] ?? "" });
  expect(answer.headers.get("content-type")).toContain("text/plain");
  expect(answer.text).toBe("Access denied. Required scope: workspaces:read");
});

test("whoami tells a workspace-scoped token its workspace", async () => {
  const me = (await call("GET /users/whoami", { token: tokens["workspace-scoped"] ?? "" })).json();
  expect(me).toMatchObject({ email: "dev@x.org", workspace_id: "own", super_admin: false });
});

test("lists hold what the token may see and nothing else", async () => {
  const ids = async (kind: string) =>
    (await call("GET /workspaces/list", { token: tokens[kind] ?? "" })).json<{ id: string }[]>().map(({ id }) => id);
  expect(await ids("super admin")).toEqual(["admins", "other", "own"]);
  expect(await ids("member")).toEqual(["own"]);
  expect(await ids("workspace-scoped")).toEqual(["own"]);
  expect(await ids("workspace-scoped of a super admin")).toEqual(["own"]);
  const users = (await call("GET /workspaces/users", { token: tokens["member"] ?? "" })).json();
  expect(users).toMatchObject({
    email: "dev@x.org",
    workspaces: [{ id: "own", username: "dev", color: "", disabled: false }],
  });
});

test("an archived workspace exists for nobody", async () => {
  await call("POST /workspaces/create", { token: admin, body: { id: "gone", name: "Gone" } });
  expect((await call("POST /w/gone/workspaces/archive", { token: admin })).status).toBe(200);
  expect((await call("POST /workspaces/exists", { token: admin, body: { id: "gone" } })).text).toBe("false");
  expect((await call("POST /workspaces/unarchive/gone", { token: tokens["member"] ?? "" })).status).toBe(403);
  expect((await call("POST /workspaces/unarchive/gone", { token: admin })).status).toBe(200);
  expect((await call("POST /workspaces/exists", { token: admin, body: { id: "gone" } })).text).toBe("true");
});

test("hostile ids are wrong or nowhere, never an error of the server", async () => {
  for (const id of ["' or 1=1", "../own", "OWN", "own ", "", "x".repeat(150)]) {
    expect((await call("POST /workspaces/exists", { token: admin, body: { id } })).text).toBe("false");
  }
  for (const body of [{ id: "a\u0000" }, { id: null }, {}, [], { id: ["own"] }, { id: "x".repeat(5000) }, undefined]) {
    expect((await call("POST /workspaces/exists", { token: admin, body })).status).toBe(400);
  }
});
