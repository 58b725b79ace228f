import { readFileSync } from "node:fs";
import { EmbeddedError } from "./embedded-error.ts";

/** The system account PostgreSQL runs as; `undefined` fields of spawn mean "this process's own". */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

const preferred = ["towermill", "postgres", "daemon", "nobody"];

/**
 * PostgreSQL refuses to run as root, so root lends it an unprivileged account: the one that owns the cluster already,
 * else a known service account, else any that cannot log in. `undefined` when this process is not root.
 */
export function serverAccount(clusterOwner: { uid: number; gid: number } | undefined): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (clusterOwner !== undefined && clusterOwner.uid !== 0) return { ...clusterOwner, name: String(clusterOwner.uid) };
  const accounts = readAccounts();
  const known = preferred.map((name) => accounts.find((account) => account.name === name)).find((found) => found);
  const chosen = known ?? accounts.find(({ uid, shell }) => uid !== 0 && /(nologin|false)$/.test(shell));
  if (chosen !== undefined) return { uid: chosen.uid, gid: chosen.gid, name: chosen.name };
  throw new EmbeddedError(
    "PostgreSQL does not run as root and this system has no other account: start Towermill as an ordinary user, or set DATABASE_URL",
  );
}

interface PasswdEntry extends Account {
  readonly shell: string;
}

// passwd(5): name:password:uid:gid:comment:home:shell
function readAccounts(): PasswdEntry[] {
  return readPasswd()
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name = "", , uid, gid, , , shell = ""]) => ({ name, uid: Number(uid), gid: Number(gid), shell }))
    .filter(({ name, uid, gid }) => name !== "" && uid > 0 && gid > 0);
}

function readPasswd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return "";
  }
}
