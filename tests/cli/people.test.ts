import { expect, test } from "vitest";
import { startInstance } from "../support/instance.ts";
import { cliOf } from "../support/wmill.ts";

const instance = await startInstance();
const cli = await cliOf(instance, "people");

interface Listed {
  token_prefix: string;
  label?: string;
  expiration?: string;
}

test("tokens are made, listed and deleted", async () => {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  const made =
    (await cli.ok("token", "create", "--label", "ci", "--expiration", expiration)).trim().split("\n").at(-1) ?? "";
  expect((await instance.call("GET", "/users/email", { token: made })).status).toBe(200);
  const listed = (await cli.json<Listed[]>("token", "list")).find(({ label }) => label === "ci");
  expect(listed).toMatchObject({ token_prefix: made.slice(0, 10), expiration });
  await cli.ok("token", "delete", made.slice(0, 10));
  expect((await instance.call("GET", "/users/email", { token: made })).status).toBe(401);
});

test("users are added, log in, and are removed", async () => {
  const [email, password] = ["grace@example.com", "a long password"];
  expect(await cli.ok("user", "add", email, password, "--name", "Grace")).toContain("New User Created");
  expect(await cli.ok("user")).toMatch(/grace@example.com.*Grace.*false/);
  const [, token = ""] =
    /Token: (\S+)/.exec(await cli.ok("user", "create-token", "--email", email, "--password", password)) ?? [];
  expect(await instance.text("GET", "/users/email", { token })).toBe(email);
  expect(await cli.ok("user", "remove", email)).toContain(`Deleted User ${email}`);
  expect((await instance.call("GET", "/users/email", { token })).status).toBe(401);
  const again = await cli.run("user", "remove", email);
  expect(again.code).not.toBe(0);
  expect(again.output).toMatch(/Not Found: .*grace@example.com/);
});

test("groups are made, filled, emptied and deleted", async () => {
  await cli.ok("group", "create", "ops", "--summary", "Operations");
  await cli.ok("group", "add-user", "ops", "admin");
  expect(await cli.ok("group", "get", "ops")).toMatch(/Summary: Operations\nMembers: admin/);
  expect(await cli.ok("group", "list")).toMatch(/ops .* 1 /);
  await cli.ok("group", "remove-user", "ops", "admin");
  await cli.ok("group", "delete", "ops");
  expect(await cli.ok("group", "list")).not.toContain("ops");
});

test("more users than a page come whole and once", async () => {
  const emails = Array.from({ length: 12 }, (_, index) => `page${String(index).padStart(2, "0")}@example.com`);
  for (const email of emails) {
    await instance.text("POST", "/users/create", { body: { email, password: "a long password", super_admin: false } });
  }
  const output = await cli.ok("user");
  for (const email of emails) expect(output.split(email)).toHaveLength(2);
});
