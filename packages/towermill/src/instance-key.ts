import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql, type Database } from "@towermill/store";
import { SettingError, type Settings } from "./setting.ts";

/**
 * The key that wraps every workspace's key: from the settings, else from `instance.key` in the data folder, made on the
 * first start. It is never in the database; without it secrets cannot be read.
 */
export function readInstanceKey({ TOWERMILL_INSTANCE_KEY: given, dataFolder }: Settings): Buffer {
  if (given !== undefined) return Buffer.from(given, "hex");
  const file = join(dataFolder, "instance.key");
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    writeFileSync(file, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const text = readFileSync(file, "utf8").trim();
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new SettingError(`${file} does not hold an instance key (64 hexadecimal digits)`);
  return Buffer.from(text, "hex");
}

const settingName = "instance_key_check";

/**
 * Several servers on one database must share the key: the first one leaves a check value that gives nothing away.
 * @throws SettingError when the database belongs to another key
 */
export async function requireSameKey(db: Database, key: Buffer): Promise<void> {
  const check = createHmac("sha256", key).update("towermill instance key").digest("hex");
  await db.execute(
    sql`insert into global_setting (name, value) values (${settingName}, ${sql.json(check)}) on conflict do nothing`,
  );
  const { value } = await db.one<{ value: string }>(sql`select value from global_setting where name = ${settingName}`);
  if (!timingSafeEqual(Buffer.from(value), Buffer.from(check))) {
    throw new SettingError(
      "this database belongs to an instance with another key: copy instance.key from its data folder, or set TOWERMILL_INSTANCE_KEY_FILE",
    );
  }
}
