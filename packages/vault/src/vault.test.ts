import { randomBytes } from "node:crypto";
import type { Member } from "@towermill/contract";
import { openBus, sql } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  CipherError,
  InterpolationError,
  interpolate,
  interpolateArguments,
  openVault,
  readResource,
  readVariable,
  replaceWorkspaceKey,
} from "./index.ts";

const { db, url } = await testDatabase();
const instanceKey = randomBytes(32);
const bus = await openBus({ url });
whenDone(() => bus.close());
const vault = openVault({ db, bus, instanceKey });

const alice: Member = {
  workspace: "w",
  email: "alice@example.com",
  username: "alice",
  isAdmin: false,
  isOperator: false,
  groups: ["all"],
  foldersRead: ["shared"],
  foldersWrite: [],
  foldersOwned: [],
};
const bob: Member = { ...alice, email: "bob@example.com", username: "bob", foldersRead: [] };

async function variable(path: string, value: string, { secret = false, perms = {} } = {}): Promise<void> {
  const stored = secret ? await vault.encrypt("w", value) : value;
  await db.execute(sql`insert into variable (workspace_id, path, value, is_secret, extra_perms)
    values ('w', ${path}, ${stored}, ${secret}, ${sql.json(perms)})`);
}
async function resource(path: string, json: string | null): Promise<void> {
  await db.execute(
    sql`insert into resource (workspace_id, path, value, resource_type) values ('w', ${path}, ${json}, 'any')`,
  );
}

beforeAll(async () => {
  await db.execute(
    sql`insert into workspace (id, name, owner) values ('w', 'W', 'alice@example.com'), ('v', 'V', 'bob@example.com')`,
  );
});
beforeEach(async () => {
  await db.execute(sql`delete from variable`);
  await db.execute(sql`delete from resource`);
  await db.execute(sql`delete from audit`);
});

describe("the key of a workspace", () => {
  test("is made once, even when several ask at once, and is only kept wrapped", async () => {
    const others = Array.from({ length: 5 }, () => openVault({ db, bus, instanceKey }));
    const keys = await Promise.all(others.map((other) => other.key("v")));
    expect(new Set(keys).size).toBe(1);
    const { wrapped } = await db.one<{ wrapped: Buffer }>(
      sql`select wrapped from workspace_key where workspace_id = 'v'`,
    );
    expect(wrapped.includes(keys[0] ?? "?")).toBe(false);
    expect(await vault.key("v")).not.toBe(await vault.key("w"));
  });

  test("survives a rename of the workspace, with its secrets", async () => {
    const ciphertext = await vault.encrypt("v", "kept");
    await db.execute(sql`update workspace set id = 'renamed' where id = 'v'`);
    expect(await vault.decrypt("renamed", ciphertext)).toBe("kept");
  });

  test("can be replaced: secrets are written anew and other processes follow", async () => {
    await variable("u/alice/s", "secret", { secret: true });
    await variable("u/alice/empty", "", { secret: true });
    const other = openVault({ db, bus, instanceKey });
    await other.key("w");
    await db.transaction((tx) =>
      replaceWorkspaceKey(tx, { instanceKey, workspace: "w", key: "another key", keepValues: false }),
    );
    bus.publish("changed", ["vault:w"]);
    expect(await other.key("w")).toBe("another key");
    expect(await readVariable({ vault: other, member: alice }, "u/alice/s")).toBe("secret");
    expect(await readVariable({ vault, member: alice }, "u/alice/empty")).toBe("");
  });

  test("of another instance is refused with a sentence", async () => {
    const stranger = openVault({ db, bus, instanceKey: randomBytes(32) });
    await expect(stranger.key("w")).rejects.toThrow(/instance key/);
    await expect(stranger.key("w")).rejects.toThrow(CipherError);
  });
});

describe("reading", () => {
  test("decrypts, reports and audits secrets, and only those", async () => {
    await variable("u/alice/s", "hunter22", { secret: true });
    await variable("u/alice/p", "plain");
    const seen: string[] = [];
    const ctx = { vault, member: alice, jobId: "0190-job", onSecret: (value: string) => seen.push(value) };
    expect(await readVariable(ctx, "u/alice/s")).toBe("hunter22");
    expect(await readVariable(ctx, "u/alice/p")).toBe("plain");
    expect(seen).toEqual(["hunter22"]);
    const audits = await db.query(sql`select username, operation, action_kind, resource, parameters from audit`);
    expect(audits).toEqual([
      {
        username: "alice",
        operation: "variables.decrypt_secret",
        action_kind: "Execute",
        resource: "u/alice/s",
        parameters: { job: "0190-job" },
      },
    ]);
  });

  test("answers alike what is missing and what may not be read", async () => {
    await variable("u/alice/s", "hunter22", { secret: true });
    await resource("f/shared/r", "1");
    expect(await readVariable({ vault, member: bob }, "u/alice/s")).toBeNull();
    expect(await readVariable({ vault, member: bob }, "u/alice/missing")).toBeNull();
    expect(await readResource({ vault, member: bob }, "f/shared/r")).toBeNull();
    expect(await readResource({ vault, member: alice }, "f/shared/r")).toBe("1");
    expect(await readResource({ vault, member: { ...alice, workspace: "renamed" } }, "f/shared/r")).toBeNull();
    expect(await db.query(sql`select 1 from audit`)).toEqual([]);
  });

  test("honours what an item itself grants, and the scopes of a token", async () => {
    await variable("u/alice/shared", "x", { perms: { "u/bob": false } });
    expect(await readVariable({ vault, member: bob }, "u/alice/shared")).toBe("x");
    expect(
      await readVariable({ vault, member: bob, scopes: ["variables:read:f/other/*"] }, "u/alice/shared"),
    ).toBeNull();
    expect(await readVariable({ vault, member: bob, scopes: ["variables:read:u/alice/*"] }, "u/alice/shared")).toBe(
      "x",
    );
  });

  test("of a value that cannot be decrypted names the variable", async () => {
    await db.execute(
      sql`insert into variable (workspace_id, path, value, is_secret) values ('w', 'u/alice/broken', 'AAAA', true)`,
    );
    await expect(readVariable({ vault, member: alice }, "u/alice/broken")).rejects.toThrow(/u\/alice\/broken/);
  });
});

describe("interpolation of arguments", () => {
  test("resolves variables, resources and what resources refer to, keeping all else verbatim", async () => {
    await variable("u/alice/pw", 'p"w\\', { secret: true });
    await resource(
      "u/alice/db",
      '{"port":5432,"big":12345678901234567890,"password":"$var:u/alice/pw","z":1,"a":{"r":"$res:u/alice/inner"}}',
    );
    await resource("u/alice/inner", "[1.50,null]");
    const seen: string[] = [];
    const text = await interpolateArguments(
      { vault, member: alice, onSecret: (value) => seen.push(value) },
      '{"db":"$res:u/alice/db","n":1e400,"list":["$var:u/alice/pw"],"$var:key":"$not a reference"}',
    );
    expect(text).toBe(
      '{"db":{"port":5432,"big":12345678901234567890,"password":"p\\"w\\\\","z":1,"a":{"r":[1.50,null]}},"n":1e400,"list":["p\\"w\\\\"],"$var:key":"$not a reference"}',
    );
    expect(seen).toEqual(['p"w\\']);
  });

  test("does not touch arguments without references, nor the database for them", async () => {
    const text = '{ "a" : 1.0,\n "price": "5$" }';
    expect(await interpolateArguments({ vault, member: alice }, text)).toBe(text);
  });

  test("replaces contextual variables and leaves other strings that begin with a dollar", async () => {
    const ctx = { vault, member: alice, contextual: { WM_JOB_ID: "j1" } };
    expect(
      await interpolateArguments(ctx, '{"a":"$WM_JOB_ID","b":"$WM_OTHER","c":"$constructor","d":"$WM_JOB_ID "}'),
    ).toBe('{"a":"j1","b":"$WM_OTHER","c":"$constructor","d":"$WM_JOB_ID "}');
  });

  test("names the argument when something is missing, forbidden or malformed", async () => {
    await variable("u/alice/s", "x");
    const run = (json: string): Promise<string> => interpolateArguments({ vault, member: bob }, json);
    await expect(run('{"token":"$var:u/alice/s"}')).rejects.toThrow(/^Variable u\/alice\/s not found for `token`/);
    await expect(run('{"a":1,"deep":{"x":"$res:f/no/such"}}')).rejects.toThrow(
      /^Resource f\/no\/such not found for `deep`/,
    );
    await expect(run('{"r":"$res:short"}')).rejects.toThrow(/`r` is not valid/);
    await expect(run('{"r":"$res:short"}')).rejects.toThrow(InterpolationError);
  });

  test("names the variable whose secret cannot be decrypted", async () => {
    await db.execute(
      sql`insert into variable (workspace_id, path, value, is_secret) values ('w', 'u/alice/broken', 'AAAA', true)`,
    );
    const run = interpolateArguments({ vault, member: alice }, '{"a":"$var:u/alice/broken"}');
    await expect(run).rejects.toThrow(InterpolationError);
    await expect(run).rejects.toThrow(/u\/alice\/broken/);
  });

  test("finds cycles of resources instead of running for ever", async () => {
    await resource("u/alice/a", '{"next":"$res:u/alice/b"}');
    await resource("u/alice/b", '{"next":"$res:u/alice/a"}');
    await resource("u/alice/self", '"$res:u/alice/self"');
    await expect(interpolateArguments({ vault, member: alice }, '{"x":"$res:u/alice/a"}')).rejects.toThrow(
      /a -> u\/alice\/b -> u\/alice\/a/,
    );
    await expect(interpolate({ vault, member: alice }, '"$res:u/alice/self"')).rejects.toThrow(/refers to itself/);
  });

  test("bounds what resources that double each other may grow to", async () => {
    await resource("u/alice/r0", JSON.stringify("x".repeat(1000)));
    for (let n = 1; n <= 40; n += 1)
      await resource(`u/alice/r${n}`, `["$res:u/alice/r${n - 1}","$res:u/alice/r${n - 1}"]`);
    await expect(interpolate({ vault, member: alice }, '"$res:u/alice/r40"')).rejects.toThrow(/larger than/);
  });

  test("does not resolve what a variable's own value looks like", async () => {
    await variable("u/alice/trick", "$var:u/alice/other");
    expect(await interpolate({ vault, member: alice }, '"$var:u/alice/trick"')).toBe('"$var:u/alice/other"');
  });

  test("decrypts sensitive arguments for the job they belong to only", async () => {
    const sealed = await vault.encryptArgument({ workspace: "w", rootJob: "job1" }, '{"card":"4242424242"}');
    const args = JSON.stringify({ secret: sealed });
    const seen: string[] = [];
    const ctx = { vault, member: alice, onSecret: (value: string) => seen.push(value) };
    expect(await interpolateArguments({ ...ctx, rootJob: "job1" }, args)).toBe('{"secret":{"card":"4242424242"}}');
    expect(seen).toEqual(["4242424242"]);
    await expect(interpolateArguments({ ...ctx, rootJob: "job2" }, args)).rejects.toThrow(
      /`secret` cannot be decrypted/,
    );
    expect(await interpolateArguments(ctx, args)).toBe(args);
  });
});
