import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestMigrations, migrate, openPool, readMigrations, sql, startEmbedded } from "@towermill/store";
import type { EmbeddedPostgres } from "@towermill/store";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The run's PostgreSQL server, and the migrated database that test databases are copies of. */
    testServer: { url: string; template: string };
  }
}

let server: EmbeddedPostgres | undefined;
let folder: string | undefined;

/** Called by vitest before the run: one PostgreSQL for all test files, migrated once. */
export async function setup(project: TestProject): Promise<void> {
  removeForgotten();
  folder = mkdtempSync(join(tmpdir(), `towermill-test-${process.pid}-`));
  try {
    server = await startEmbedded({ dataFolder: join(folder, "postgres"), durable: false });
    const template = `template_${digestMigrations(readMigrations()).slice(0, 12)}`;
    await createTemplate(server.url, template);
    project.provide("testServer", { url: server.url, template });
  } catch (error) {
    await teardown();
    throw error;
  }
}

/** Called by vitest after the run: stops the server and removes its files. */
export async function teardown(): Promise<void> {
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** A run that was killed could not remove its folder; its server ended with it. */
function removeForgotten(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^towermill-test-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Another user's; it is theirs to remove.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function createTemplate(url: string, template: string): Promise<void> {
  const admin = openPool({ url, max: 1 });
  try {
    await admin.execute(sql`create database ${sql.ident(template)}`);
  } finally {
    await admin.close();
  }
  await migrate({ url: databaseUrl(url, template) });
}

function databaseUrl(serverUrl: string, database: string): string {
  return serverUrl.replace(/\/[^/?]*\?/, `/${database}?`);
}
