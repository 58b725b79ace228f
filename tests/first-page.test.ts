import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { startProcess, testFolder, whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { freshCheckout } from "./support/checkout.ts";
import { root } from "./support/instance.ts";

const program = join(root, "packages/towermill/dist/main.js");

/** `npm start` without npm, in a data folder of its own unless one is given. */
const start = (env: Record<string, string> = {}, command: [string, ...string[]] = [process.execPath, program]) =>
  startProcess({ command, env: { PORT: "0", TOWERMILL_DATA: join(testFolder(), "data"), ...env } });

const ready = /Towermill is ready\s+(http:\S+)/;

async function refusal(env: Record<string, string>) {
  const refused = await start(env);
  const { code } = await refused.ended;
  const lines = refused.output().trim().split("\n");
  return { code, sentence: lines.at(-1) ?? "", lines: lines.length };
}

describe("a fresh clone", () => {
  test("builds itself, runs, tells how to log in, and stops on Ctrl-C", { timeout: 180_000 }, async () => {
    const folder = freshCheckout();
    const started = await startProcess({
      command: [process.execPath, join(folder, "scripts/start.mjs")],
      cwd: folder,
      env: { PORT: "0" },
    });
    const [, url = ""] = await started.until(ready, 150_000);
    await started.until(/Stop with Ctrl-C/);
    for (const part of [/Log in +admin@windmill.dev/, /wmill workspace add \S+ admins http/, /"mcpServers"/])
      expect(started.output()).toMatch(part);

    const passwordFile = join(folder, ".towermill/admin-password");
    expect(statSync(passwordFile).mode & 0o777).toBe(0o600);
    const login = await fetch(`${url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "admin@windmill.dev", password: readFileSync(passwordFile, "utf8").trim() }),
    });
    expect(login.status).toBe(200);
    const run = await fetch(`${url}/api/w/admins/jobs/run_wait_result/preview`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${await login.text()}` },
      body: JSON.stringify({
        language: "bun",
        content: "export async function main(n: number) { return n + 1; }",
        args: { n: 41 },
      }),
    });
    expect(await run.text()).toBe("42");

    // a terminal sends it to every process of the group
    process.kill(-started.pid, "SIGINT");
    expect(await started.ended).toEqual({ code: 0, signal: null });
    await expect(fetch(`${url}/api/version`)).rejects.toThrow("fetch failed");
    expect(() => process.kill(-started.pid, 0)).toThrow(/ESRCH/);
  });
});

interface Locked {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Where npm finds a dependency of the package at `from`: in its own node_modules or in one further up. */
function isLocked(packages: Record<string, Locked>, from: string, name: string): boolean {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    if (packages[`${at}${at === "" ? "" : "/"}node_modules/${name}`] !== undefined) return true;
    if (at === "") return false;
  }
}

test("the lock file holds every package of every platform, as npm ci demands", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, Locked>;
  };
  const missing = Object.entries(packages).flatMap(([from, { dependencies, devDependencies, optionalDependencies }]) =>
    Object.keys({
      ...dependencies,
      ...(from.includes("node_modules/") ? {} : devDependencies),
      ...optionalDependencies,
    })
      .filter((name) => !isLocked(packages, from, name))
      .map((name) => `${name} of ${from}`),
  );
  expect(missing).toEqual([]);
});

describe("a start that cannot be says why in one sentence", () => {
  test("when another one uses the data folder, which goes on undisturbed", { timeout: 60_000 }, async () => {
    const data = join(testFolder(), "data");
    const first = await start({ TOWERMILL_DATA: data });
    const [, url = ""] = await first.until(ready, 50_000);
    const second = await refusal({ TOWERMILL_DATA: data });
    expect(second).toMatchObject({ code: 3, lines: 1, sentence: expect.stringContaining(data) });
    expect((await fetch(`${url}/api/version`)).status).toBe(200);
    first.signal("SIGTERM");
    expect(await first.ended).toEqual({ code: 0, signal: null });
  });

  test("when the port is taken", { timeout: 60_000 }, async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    whenDone(() => taken.close());
    await once(taken, "listening");
    const address = taken.address();
    const port = String(typeof address === "object" ? address?.port : "");
    const refused = await refusal({ PORT: port });
    expect(refused).toMatchObject({ code: 4, lines: 1 });
    expect(refused.sentence).toMatch(new RegExp(`port ${port} is taken .* PORT or --port`));
  });

  test("when the database is not there", async () => {
    const refused = await refusal({ DATABASE_URL: "postgresql://nobody:secret-word@127.0.0.1:9/none" });
    expect(refused).toMatchObject({ code: 5, lines: 1, sentence: expect.stringContaining("DATABASE_URL") });
    expect(refused.sentence).not.toContain("secret-word");
  });

  test.each([
    [{ PORT: "abc" }, "PORT"],
    [{ PORT: "70000" }, "PORT"],
    [{ NUM_WORKERS: "0" }, "NUM_WORKERS"],
    [{ DATABASE_URL: "mysql://x" }, "DATABASE_URL"],
    [{ LOG_LEVEL: "loud" }, "LOG_LEVEL"],
    [{ MODE: "agent" }, "MODE"],
    [{ TOWERMILL_ADMIN_PASSWORD_FILE: "/nowhere/password" }, "TOWERMILL_ADMIN_PASSWORD_FILE"],
  ])("when the setting %j is wrong", async (env, name) => {
    expect(await refusal(env)).toMatchObject({ code: 2, lines: 1, sentence: expect.stringContaining(name) });
  });

  test("when the command is unknown, with the commands there are", async () => {
    const refused = await start({}, [process.execPath, program, "serve"]);
    expect(await refused.ended).toMatchObject({ code: 2 });
    expect(refused.output()).toMatch(/unknown command serve[\s\S]*server +the HTTP server/);
  });
});

test("a setting with a typing error is pointed out, with the nearest that exists", { timeout: 60_000 }, async () => {
  const started = await start({ TOWERMILL_DATE: "x" });
  await started.until(/TOWERMILL_DATE is not a setting; did you mean TOWERMILL_DATA\?/, 50_000);
  await started.until(ready, 50_000);
});
