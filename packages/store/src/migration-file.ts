import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One numbered file of the migrations folder. */
export interface Migration {
  readonly number: number;
  /** File name, `0001_identity.sql`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text with unix line ends, hex. */
  readonly checksum: string;
}

// The same relative path from src/ and from dist/.
const ownFolder = fileURLToPath(new URL("../migrations", import.meta.url));
const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;
const transactionCommand = /^\s*(begin|commit|rollback|start\s+transaction)(\s+(work|transaction))?\s*;/im;

/** Reads the migrations in order. Throws on a name out of pattern, a number used twice or left out. */
export function readMigrations(folder: string = ownFolder): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  const migrations = names.toSorted().map((name) => readMigration(folder, name));
  migrations.forEach(({ number, name }, index) => {
    if (number !== index + 1) {
      throw new Error(
        `migration ${name} has number ${number} where ${index + 1} is due: numbers run without gap or repeat`,
      );
    }
  });
  return migrations;
}

/** One digest for a whole list: two databases migrated by equal lists have equal schemas. */
export function digestMigrations(migrations: readonly Migration[]): string {
  return createHash("sha256")
    .update(migrations.map(({ checksum }) => checksum).join("\n"))
    .digest("hex");
}

function readMigration(folder: string, name: string): Migration {
  const number = fileName.exec(name)?.[1];
  if (number === undefined) throw new Error(`migration ${name}: a name looks like 0012_what_it_does.sql`);
  const text = readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n");
  if (transactionCommand.test(text)) {
    throw new Error(`migration ${name} begins or ends a transaction: leave that out, each file runs in one of its own`);
  }
  return { number: Number(number), name, text, checksum: createHash("sha256").update(text).digest("hex") };
}
