import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { cliOf, officialCli, type CliRun } from "../support/wmill.ts";

const instance = await startInstance();
const remote = `${instance.url}/`;

async function addWorkspace(id: string): Promise<void> {
  await instance.text("POST", "/workspaces/create", { body: { id, name: id } });
}

async function addMember(email: string, workspace: string): Promise<void> {
  const body = { email, is_admin: false, operator: false, username: email.split("@")[0] };
  await instance.text("POST", `/w/${workspace}/workspaces/add_user`, { body });
}

/** Makes a developer of the workspace and logs in; answers the session's token. */
async function account(email: string, workspace: string): Promise<string> {
  const password = "a long password";
  await instance.text("POST", "/users/create", { body: { email, password, super_admin: false } });
  await addMember(email, workspace);
  return instance.text("POST", "/auth/login", { body: { email, password } });
}

const tokenOf = (owner: string, body: Record<string, unknown>): Promise<string> =>
  instance.text("POST", "/users/tokens/create", { token: owner, body });

/** `workspace add` with the token, by a user who has never used the CLI. */
async function add(token: string, { id, create = false }: { id: string; create?: boolean }) {
  const cli = officialCli();
  const added: CliRun = await cli.run(
    "workspace",
    "add",
    "it",
    id,
    remote,
    "--token",
    token,
    ...(create ? ["--create"] : []),
  );
  return { cli, added };
}

await Promise.all(["alpha", "beta", "gamma"].map(addWorkspace));
const ada = await account("ada@example.com", "alpha");
await addMember("ada@example.com", "gamma");

describe("a super admin's token", () => {
  test("adds a workspace that exists, and scripts can be listed", async () => {
    const { cli, added } = await add(instance.token, { id: "alpha" });
    expect(added).toMatchObject({ code: 0, output: expect.stringContaining("Added workspace it for alpha") });
    expect(await cli.json("script", "list")).toEqual([]);
  });

  test("without --create stops at a workspace that does not exist, and shows those that do", async () => {
    const { added } = await add(instance.token, { id: "missing" });
    expect(added.code).toBe(1);
    expect(added.output).toMatch(/missing on .* does not exist. Re-run with --create/);
    expect(added.output).toContain("- admins (name: Admins)");
  });

  test("with --create makes the workspace", async () => {
    const { cli, added } = await add(instance.token, { id: "made-by-cli", create: true });
    expect(added).toMatchObject({ code: 0, output: expect.stringContaining("does not exist. Creating...") });
    expect(await cli.json("script", "list")).toEqual([]);
    expect(await instance.json<boolean>("POST", "/workspaces/exists", { body: { id: "made-by-cli" } })).toBe(true);
  });
});

describe("a token for one workspace", () => {
  test("adds its workspace and works there, with nothing more than that workspace", async () => {
    const token = await tokenOf(ada, { label: "ci", workspace_id: "alpha" });
    const { cli, added } = await add(token, { id: "alpha" });
    expect(added).toMatchObject({ code: 0, output: expect.stringContaining("Added workspace it for alpha") });
    expect(await cli.json("script", "list")).toEqual([]);
    expect(await cli.ok("workspace", "whoami")).toContain("ada@example.com");
    expect(await cli.ok("variable", "add", "value", "u/ada/plain", "--no-secret")).toContain("pushed");
    expect(await cli.json<unknown[]>("variable", "list")).toHaveLength(1);
  });

  test("is all that continuous deployment needs: it pushes a script and runs it", async () => {
    const token = await tokenOf(ada, { label: "deploy", workspace_id: "gamma" });
    const { cli } = await add(token, { id: "gamma" });
    mkdirSync(join(cli.folder, "u/ada"), { recursive: true });
    writeFileSync(join(cli.folder, "u/ada/adds.sh"), 'a="$1"\necho $((a + 1))\n');
    expect(await cli.ok("script", "push", "u/ada/adds.sh")).toContain("Created new script u/ada/adds");
    expect(await cli.json<unknown[]>("script", "list")).toHaveLength(1);
    expect(await cli.ok("script", "run", "--silent", "u/ada/adds", "-d", '{"a": 41}')).toContain("42");
  });

  test("of a super admin adds its workspace too", async () => {
    const token = await tokenOf(instance.token, { workspace_id: "beta" });
    const { cli, added } = await add(token, { id: "beta" });
    expect(added.code).toBe(0);
    expect(await cli.json("script", "list")).toEqual([]);
  });

  test("with --create adds its workspace, since that exists", async () => {
    const token = await tokenOf(ada, { workspace_id: "alpha" });
    const { cli, added } = await add(token, { id: "alpha", create: true });
    expect(added.code).toBe(0);
    expect(await cli.json("script", "list")).toEqual([]);
  });

  test("does not learn whether another workspace exists, and makes none", async () => {
    const token = await tokenOf(ada, { workspace_id: "alpha" });
    const [existing, missing] = await Promise.all([add(token, { id: "beta" }), add(token, { id: "no-such" })]);
    expect(existing.added.code).toBe(1);
    expect(existing.added.output.replaceAll("beta", "X")).toBe(missing.added.output.replaceAll("no-such", "X"));
    expect(existing.added.output).not.toMatch(/- (admins|beta) /);
    const { added } = await add(token, { id: "no-such", create: true });
    expect(added.code).not.toBe(0);
    expect(await instance.json<boolean>("POST", "/workspaces/exists", { body: { id: "no-such" } })).toBe(false);
  });
});

describe("a token with few scopes", () => {
  test("adds its workspace, does what its scopes say and is told which one is missing", async () => {
    const token = await tokenOf(ada, { workspace_id: "alpha", scopes: ["scripts:read", "users:read"] });
    const { cli, added } = await add(token, { id: "alpha" });
    expect(added.code).toBe(0);
    expect(await cli.json("script", "list")).toEqual([]);
    const refused = await cli.run("variable", "add", "value", "u/ada/refused");
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/variables:(read|write)/);
  });
});

describe("a token that is no good", () => {
  test.each([
    ["invalid", async () => "thisisnotatoken0123456789abcdefg"],
    [
      "revoked",
      async () => {
        const token = await tokenOf(ada, { label: "revoked" });
        await instance.text("DELETE", `/users/tokens/delete/${token.slice(0, 10)}`, { token: ada });
        return token;
      },
    ],
    [
      "expired",
      async () => {
        const expiration = new Date(Date.now() + 1_500).toISOString();
        const token = await tokenOf(ada, { expiration });
        await expect
          .poll(async () => (await instance.call("GET", "/users/email", { token })).status, {
            timeout: 10_000,
            interval: 100,
          })
          .toBe(401);
        return token;
      },
    ],
  ])("because it is %s ends with a clear sentence and adds nothing", async (_kind, make) => {
    const { cli, added } = await add(await make(), { id: "alpha" });
    expect(added.code).not.toBe(0);
    expect(added.output).toMatch(/Credentials or instance is invalid/);
    expect(added.output).toMatch(/Unauthorized/);
    expect(await cli.ok("workspace", "list")).not.toContain("alpha");
  });
});

test("workspaces are switched between, shown and removed", async () => {
  const cli = await cliOf(instance, "alpha");
  await cli.ok("workspace", "add", "second", "beta", remote, "--token", instance.token);
  expect(await cli.ok("workspace", "list")).toMatch(/alpha[\s\S]*second[\s\S]*Active: second/);
  expect(await cli.ok("workspace", "switch", "alpha")).toContain("Switched to workspace alpha");
  const identity = await cli.ok("workspace", "whoami");
  expect(identity).toContain('"email": "admin@windmill.dev"');
  expect(identity).toContain('"super_admin": true');
  expect(await cli.ok("workspace", "list-remote")).toMatch(/alpha[\s\S]*beta/);
  await cli.ok("workspace", "remove", "second");
  expect(await cli.ok("workspace", "list")).not.toContain("second");
});

test("a pipeline needs no profile: flags name the instance, the workspace and the token", async () => {
  const token = await tokenOf(ada, { workspace_id: "alpha" });
  const cli = officialCli();
  const where = ["--base-url", remote, "--workspace", "alpha", "--token", token];
  expect(await cli.ok("workspace", "whoami", ...where)).toContain("ada@example.com");
  expect(await cli.ok("script", "list", ...where)).toContain("path");
  const elsewhere = await cli.run("script", "list", "--base-url", remote, "--workspace", "beta", "--token", token);
  expect(elsewhere.code).not.toBe(0);
});

test("an instance that is not there is named", async () => {
  const cli = officialCli();
  const { code, output } = await cli.run("workspace", "add", "it", "alpha", "http://127.0.0.1:9/", "--token", "x");
  expect(code).not.toBe(0);
  expect(output).toMatch(/fetch failed|ECONNREFUSED|Credentials or instance is invalid/);
});

test("the version is read before anybody logs in", async () => {
  const cli = await cliOf(instance);
  expect(await cli.ok("version")).toMatch(/v\d+\.\d+\.\d+/);
});
