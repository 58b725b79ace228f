import { sql, type Database, type Queryable } from "@towermill/store";
import { firstIdAt } from "./id.ts";

/** Partitioned tables, and the column of the id that says when. */
const tables = {
  job: "id",
  job_done: "id",
  job_log: "job_id",
  flow_child: "flow_job",
  flow_item: "flow_job",
  flow_event: "flow_job",
} as const;
type Table = keyof typeof tables;
const tableNames = Object.keys(tables) as Table[];
const weekMs = 7 * 86_400_000;
// 1970-01-05 was a Monday
const firstMondayMs = 4 * 86_400_000;

/** Monday 00:00 UTC of the week that holds `moment`. */
export function weekOf(moment: Date): Date {
  return new Date(Math.floor((moment.getTime() - firstMondayMs) / weekMs) * weekMs + firstMondayMs);
}

function partitionName(table: string, week: Date): string {
  return `${table}_w${week.toISOString().slice(0, 10).replaceAll("-", "")}`;
}

/** Creates the partitions of this and the next two weeks. Rows of the default partition that belong in one move there. */
export async function createPartitions(db: Database, now: Date): Promise<void> {
  for (let ahead = 0; ahead < 3; ahead += 1) {
    const week = new Date(weekOf(now).getTime() + ahead * weekMs);
    for (const table of tableNames) await db.transaction((tx) => createPartition(tx, table, week));
  }
}

async function createPartition(tx: Queryable, table: Table, week: Date): Promise<void> {
  const name = partitionName(table, week);
  const key = tables[table];
  const exists = await tx.maybe(sql`select from pg_class where relname = ${name} and relkind = 'r'`);
  if (exists) return;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext(${name}))`);
  if (await tx.maybe(sql`select from pg_class where relname = ${name} and relkind = 'r'`)) return;
  const from = firstIdAt(week);
  const to = firstIdAt(new Date(week.getTime() + weekMs));
  const fallback = sql.ident(`${table}_default`);
  await tx.execute(sql`create temporary table moving on commit drop as
    select * from ${fallback} where ${sql.ident(key)} >= ${from}::uuid and ${sql.ident(key)} < ${to}::uuid`);
  await tx.execute(
    sql`delete from ${fallback} where ${sql.ident(key)} >= ${from}::uuid and ${sql.ident(key)} < ${to}::uuid`,
  );
  // DDL takes no parameters; both bounds are made here from numbers
  await tx.execute(literalSql(`create table ${name} partition of ${table} for values from ('${from}') to ('${to}')`));
  await tx.execute(sql`insert into ${sql.ident(table)} select * from moving`);
}

function literalSql(text: string): ReturnType<typeof sql> {
  return sql(Object.assign([text], { raw: [text] }) as unknown as TemplateStringsArray);
}

/** Drops the partitions whose every job is older than `before`, unless one of them still waits or runs. @returns their names */
export async function dropPartitions(db: Database, before: Date): Promise<string[]> {
  const rows = await db.query<{ name: string }>(sql`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
    where p.relname = any(${tableNames}::text[]) and c.relname ~ '_w[0-9]{8}$'`);
  const old = rows
    .map((row) => row.name)
    .filter((name) => weekOfName(name.slice(-8)).getTime() + weekMs <= before.getTime());
  const dropped: string[] = [];
  for (const name of old) {
    if (await hasQueued(db, name.slice(-8))) continue;
    await db.execute(sql`drop table if exists ${sql.ident(name)}`);
    if (name.startsWith("job_w")) await deleteFlows(db, name.slice(-8));
    dropped.push(name);
  }
  return dropped;
}

/** What is kept of flows in tables that are not partitioned. */
async function deleteFlows(db: Database, day: string): Promise<void> {
  const week = weekOfName(day);
  const [from, to] = [firstIdAt(week), firstIdAt(new Date(week.getTime() + weekMs))];
  await db.execute(sql`delete from job_flow where id >= ${from} and id < ${to}`);
  await db.execute(sql`delete from flow_resume where flow_job >= ${from} and flow_job < ${to}`);
}

async function hasQueued(db: Database, day: string): Promise<boolean> {
  const week = weekOfName(day);
  const row = await db.maybe(sql`select from job_queue
    where id >= ${firstIdAt(week)} and id < ${firstIdAt(new Date(week.getTime() + weekMs))} limit 1`);
  return row !== undefined;
}

function weekOfName(day: string): Date {
  return new Date(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);
}
