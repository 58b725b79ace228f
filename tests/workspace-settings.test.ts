import { expect, test, vi } from "vitest";
import { startInstance } from "./support/instance.ts";
import { deployScript, runScript } from "./support/script.ts";

const instance = await startInstance();
await instance.text("POST", "/workspaces/create", { body: { id: "shop", name: "Shop" } });
const post = (path: string, body: unknown): Promise<string> => instance.text("POST", `/w/shop/${path}`, { body });

interface Listed {
  id: string;
  parent_job?: string;
  created_by: string;
  success?: boolean;
}

test("what fails and what succeeds is told to the handlers of the workspace, as jobs of the group error_handler", async () => {
  const tells = 'echo "$1"\n';
  for (const name of ["sorry", "glad"])
    await deployScript(instance, { workspace: "shop", path: `u/admin/${name}`, language: "bash", content: tells });
  await deployScript(instance, { workspace: "shop", path: "u/admin/no", language: "bash", content: "exit 3\n" });
  await deployScript(instance, { workspace: "shop", path: "u/admin/yes", language: "bash", content: "echo fine\n" });
  await post("workspaces/edit_error_handler", { path: "script/u/admin/sorry", extra_args: { channel: "ops" } });
  await post("workspaces/edit_success_handler", { path: "script/u/admin/glad" });
  const run = (name: string): Promise<string> => post(`jobs/run/p/u/admin/${name}`, {});
  const [failing, succeeding] = [await run("no"), await run("yes")];
  const handlers = async (): Promise<Listed[]> =>
    (await instance.json<Listed[]>("GET", "/w/shop/jobs/completed/list")).filter(({ created_by }) =>
      created_by.endsWith("_handler"),
    );
  await vi.waitFor(async () => expect(await handlers()).toHaveLength(2), { timeout: 20_000, interval: 100 });
  const told = new Map((await handlers()).map((job) => [job.created_by, job]));
  expect(told.get("error_handler")).toMatchObject({ parent_job: failing, success: true });
  expect(told.get("success_handler")).toMatchObject({ parent_job: succeeding, success: true });
  const args = await instance.json("GET", `/w/shop/jobs_u/get_args/${told.get("error_handler")?.id}`);
  expect(args).toMatchObject({ path: "u/admin/no", channel: "ops", error: { message: expect.stringMatching(/3/) } });
  for (const edit of ["edit_error_handler", "edit_success_handler"]) await post(`workspaces/${edit}`, {});
});

test("an environment variable of the workspace reaches the next run, and no other workspace", async () => {
  const content = 'echo "${REGION:-none}"\n';
  for (const workspace of ["shop", "admins"])
    await deployScript(instance, { workspace, path: "u/admin/region", language: "bash", content });
  const region = (workspace: string): Promise<string> => runScript(instance, { workspace, path: "u/admin/region" });
  expect(await region("shop")).toBe("none");
  await post("workspaces/set_environment_variable", { name: "REGION", value: "eu" });
  expect([await region("shop"), await region("admins")]).toEqual(["eu", "none"]);
  const listed = await instance.json<object[]>("GET", "/w/shop/variables/list_contextual");
  expect(listed).toContainEqual({ name: "REGION", value: "eu", description: "", is_custom: true });
});
