import { sql } from "@towermill/store";
import { expect, test } from "vitest";
import { itemsWorld } from "../../test/world.ts";

const { db, said, json, jobOf, addToken } = await itemsWorld();
const path = "workspaces/encryption_key";

test("the key goes to admins with a whole token only, and the reading is audited", async () => {
  const { key } = await json<{ key: string }>(path, { as: "admin" });
  expect(key.length).toBeGreaterThan(40);
  await addToken("admin", "scoped", ["workspaces:write"]);
  for (const as of ["alice", "olga", "eve", "scoped", await jobOf("admin")])
    expect((await said(path, { as }))[0]).toBe(403);
  const audits = await db.query(
    sql`select username, parameters from audit where operation = 'workspaces.read_encryption_key'`,
  );
  expect(audits).toEqual([{ username: "admin", parameters: null }]);
});

test.each([false, true])(
  "drafts and the trash are readable under another key (values sent again: %s)",
  async (skip) => {
    const name = `u/alice/kept${String(skip)}`;
    await said("variables/create", { body: { path: name, value: "hunter23", is_secret: true, description: "" } });
    const draft = { path: name, value: "hunter24", is_secret: true };
    await said(`drafts/update/variable/${name}`, { body: { value: draft } });
    await said(`variables/delete/${name}`, { method: "DELETE" });
    const { id } = await db.one<{ id: number }>(sql`select id from trash where item_path = ${name}`);
    const body = { new_key: `another key of the workspace, ${String(skip)}`, skip_reencrypt: skip };
    expect((await said(path, { as: "admin", body }))[0]).toBe(200);
    expect(await json(`drafts/get_own/variable/${name}`)).toMatchObject({ value: draft });
    expect((await said(`trash/restore/${id}`, { method: "POST" }))[0]).toBe(200);
    expect(await said(`variables/get_value/${name}`)).toEqual([200, '"hunter23"']);
    await db.execute(sql`delete from variable`);
  },
);

test("another key encrypts the secrets anew, or leaves them to be sent again", async () => {
  await said("variables/create", { body: { path: "u/alice/s", value: "hunter22", is_secret: true, description: "" } });
  const stored = async () => (await db.one<{ value: string }>(sql`select value from variable`)).value;
  const before = await stored();
  const { key } = await json<{ key: string }>(path, { as: "admin" });
  expect((await said(path, { as: "admin", body: { new_key: "another key of the workspace" } }))[0]).toBe(200);
  expect(await said("variables/get_value/u/alice/s")).toEqual([200, '"hunter22"']);
  expect(await stored()).not.toBe(before);
  expect((await said(path, { as: "admin", body: { new_key: key, skip_reencrypt: true } }))[0]).toBe(200);
  expect((await said("variables/get_value/u/alice/s"))[0]).toBe(400);
  await said("variables/update/u/alice/s?already_encrypted=true", { body: { value: before } });
  expect(await said("variables/get_value/u/alice/s")).toEqual([200, '"hunter22"']);
  expect((await said(path, { as: "alice", body: { new_key: "x".repeat(64) } }))[0]).toBe(403);
  expect((await said(path, { as: "admin", body: { new_key: "short" } }))[0]).toBe(400);
});
