import type { Queryable } from "./database.ts";
import { named, sql } from "./sql.ts";
import type { Sql } from "./sql.ts";

/** A lease somebody holds. `epoch` rises with every change of holder, so late work of an earlier one can be told apart. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly epoch: number;
}

export interface LeaseRequest {
  readonly name: string;
  /** Unique per start of a process: a restarted process is another holder. */
  readonly holder: string;
  /** How long it lasts without {@link renewLease}, in the database's time. */
  readonly ttlMs: number;
}

/** Takes the lease if it is free, run out, or held by this holder already; else `undefined`. One row lock, for a moment. */
export async function acquireLease(db: Queryable, { name, holder, ttlMs }: LeaseRequest): Promise<Lease | undefined> {
  const row = await db.maybe<{ epoch: number }>(
    named(
      "lease_acquire",
      sql`insert into lease as held (name, holder, epoch, until)
          values (${name}, ${holder}, 1, clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond')
          on conflict (name) do update
            set holder = excluded.holder, until = excluded.until,
                epoch = held.epoch + case when held.holder = excluded.holder and held.until > clock_timestamp() then 0 else 1 end
            where held.until <= clock_timestamp() or held.holder = excluded.holder
          returning epoch`,
    ),
  );
  return row && { name, holder, epoch: row.epoch };
}

/** Extends a lease that has not run out; false = it is lost, stop what it protects. */
export async function renewLease(db: Queryable, lease: Lease, ttlMs: number): Promise<boolean> {
  const renewed = await db.execute(
    named(
      "lease_renew",
      sql`update lease set until = clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond'
           where name = ${lease.name} and holder = ${lease.holder} and epoch = ${lease.epoch}
             and until > clock_timestamp()`,
    ),
  );
  return renewed === 1;
}

/** Lets the next holder in at once; does nothing when the lease is lost already. The row stays, and with it the epoch. */
export async function releaseLease(db: Queryable, lease: Lease): Promise<void> {
  await db.execute(
    sql`update lease set until = '-infinity'
         where name = ${lease.name} and holder = ${lease.holder} and epoch = ${lease.epoch}`,
  );
}

/** A condition for the statements the lease protects: true only while it is held, by the database's clock. */
export function leaseIsHeld(lease: Lease): Sql {
  return sql`exists (select 1 from lease where name = ${lease.name} and holder = ${lease.holder}
                       and epoch = ${lease.epoch} and until > clock_timestamp())`;
}
