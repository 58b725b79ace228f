import { ApiError, type ExportedUser, type instanceUsersOperations } from "@towermill/contract";
import { isUniqueViolation, sql, type Queryable } from "@towermill/store";
import type { Handlers } from "../http/call.ts";
import { deleteAccount } from "../identity/account.ts";
import { unrestrictedAccountOf } from "../identity/actor.ts";
import { audit, globalAudit } from "../identity/audit.ts";
import type { Services } from "../services.ts";

interface AccountRow {
  email: string;
  password_hash: string | null;
  super_admin: boolean;
  verified: boolean;
  name: string | null;
  company: string | null;
  first_time_user: boolean;
  username: string | null;
}

const hashForm = /^\$argon2(id|i|d)\$/;

function exported({ password_hash, name, company, username, ...row }: AccountRow) {
  return {
    ...row,
    ...(password_hash === null ? {} : { password_hash }),
    ...(name === null ? {} : { name }),
    ...(company === null ? {} : { company }),
    ...(username === null ? {} : { username }),
  };
}

/** Accounts that are sent without a hash keep the password they have. */
async function write(tx: Queryable, users: readonly ExportedUser[]): Promise<void> {
  for (const [index, user] of users.entries()) {
    if (user.password_hash && !hashForm.test(user.password_hash)) {
      throw new ApiError("bad_request", `body.${index}.password_hash: is no Argon2 hash`);
    }
    await tx.execute(sql`
      insert into account (email, password_hash, super_admin, verified, name, company, first_time_user, username)
      values (${user.email}, ${user.password_hash}, ${user.super_admin}, ${user.verified}, ${user.name}, ${user.company},
        ${user.first_time_user}, ${user.username})
      on conflict (email) do update set password_hash = coalesce(excluded.password_hash, account.password_hash),
        super_admin = excluded.super_admin, verified = excluded.verified, name = excluded.name,
        company = excluded.company, first_time_user = excluded.first_time_user,
        username = coalesce(excluded.username, account.username)`);
  }
}

/** Every account of the instance, out and in. */
export function instanceUsersHandlers(services: Services): Handlers<typeof instanceUsersOperations> {
  const { db, bus } = services;
  return {
    async globalUsersExport({ caller }) {
      const by = unrestrictedAccountOf(caller).account.email;
      const rows = await db.query<AccountRow & object>(sql`
        select email, password_hash, super_admin, verified, name, company, first_time_user, username
        from account order by email`);
      await audit(db, { workspace: globalAudit, username: by, operation: "users.export", actionKind: "Execute" });
      return rows.map(exported);
    },
    async globalUsersOverwrite({ caller, body }) {
      const own = unrestrictedAccountOf(caller).account.email;
      const mine = body.find(({ email }) => email === own);
      if (!mine?.super_admin) {
        throw new ApiError("bad_request", `body: ${own}, who sends this, must be in it and stay a super admin`);
      }
      const gone = await db
        .transaction(async (tx) => {
          await write(tx, body);
          await audit(tx, {
            workspace: globalAudit,
            username: own,
            operation: "users.overwrite",
            actionKind: "Updated",
          });
          const kept = body.map(({ email }) => email);
          return tx.query<{ email: string }>(sql`select email from account where not email = any(${kept}::text[])`);
        })
        .catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error;
          throw new ApiError("bad_request", "body: two accounts have the same username");
        });
      for (const { email } of gone) await deleteAccount(services, email, own);
      bus.publish("changed", ["token:*", "member:*"]);
      return `${body.length} accounts written, ${gone.length} deleted`;
    },
  };
}
