import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureFirstAdmin } from "@towermill/server";
import type { Base } from "./platform.ts";

export interface Admin {
  email: string;
  /** The password, if this start made it. */
  newPassword: string | undefined;
  /** Where it is kept; `null` when the operator set it. */
  passwordFile: string | null;
}

/**
 * Makes the first admin where there is none. Without a password in the settings a random one is made, printed once and
 * kept in the data folder for its owner alone.
 */
export async function firstAdmin({ db, settings }: Base): Promise<Admin> {
  const passwordFile = join(settings.dataFolder, "admin-password");
  const { email, password } = await ensureFirstAdmin(
    { db },
    { email: settings.TOWERMILL_ADMIN_EMAIL, password: settings.TOWERMILL_ADMIN_PASSWORD },
  );
  if (password !== undefined) writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  return {
    email,
    newPassword: password,
    passwordFile: settings.TOWERMILL_ADMIN_PASSWORD === undefined ? passwordFile : null,
  };
}
