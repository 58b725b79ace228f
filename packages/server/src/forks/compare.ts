import type { Member } from "@towermill/contract";
import { sql, type Queryable } from "@towermill/store";
import type { Services } from "../services.ts";
import { anonymous } from "../identity/caller.ts";
import { digestItems, type Digests, type ItemName } from "./digest.ts";

/** How an item of a fork stands to its parent's, under the API's names; `ahead`: the fork changed it, `behind`: the parent did. */
export interface ItemDifference extends ItemName {
  ahead: number;
  behind: number;
  has_changes: boolean;
  exists_in_source: boolean;
  exists_in_fork: boolean;
}

/** The caller in both workspaces. */
export interface Pair {
  parent: Member;
  fork: Member;
}

interface Base {
  kind: string;
  path: string;
  digest: Buffer | null;
}

interface Sides {
  parent: Digests;
  fork: Digests;
}

function readBase(db: Queryable, fork: string): Promise<Base[]> {
  return db.query<Base & object>(sql`select kind, path, digest from fork_base where workspace_id = ${fork}`);
}

/** Both sides as the given members read them. */
async function readSides({ db, vault, instanceKey }: Services, pair: Pair): Promise<Sides> {
  const read = (member: Member): Promise<Digests> =>
    digestItems({ db, caller: anonymous, member }, { vault, key: instanceKey });
  return { parent: await read(pair.parent), fork: await read(pair.fork) };
}

const whole = (member: Member): Member => ({ ...member, isAdmin: true, isOperator: false });

function same(a: Buffer | null | undefined, b: Buffer | null | undefined): boolean {
  return a && b ? a.equals(b) : !a && !b;
}

/** What differs between a fork and its parent, by `kind:path`. Pure. */
export function differences({ parent, fork }: Sides, base: readonly Base[]): Map<string, ItemDifference> {
  const known = new Map(base.map((row) => [`${row.kind}:${row.path}`, row]));
  const found = new Map<string, ItemDifference>();
  for (const name of new Set([...parent.keys(), ...fork.keys()])) {
    const [source, copy, before] = [parent.get(name), fork.get(name), known.get(name)];
    const item = source?.item ?? copy?.item;
    const notCopied = before?.digest === null && !copy;
    if (!item || notCopied || same(source?.digest, copy?.digest)) continue;
    found.set(name, {
      ...item,
      ahead: same(copy?.digest, before?.digest) ? 0 : 1,
      behind: same(source?.digest, before?.digest) ? 0 : 1,
      has_changes: true,
      exists_in_source: source !== undefined,
      exists_in_fork: copy !== undefined,
    });
  }
  return found;
}

/** Differences that the caller may see, and those that are there besides. */
export async function compareFork(
  services: Services,
  pair: Pair,
): Promise<{ shown: ItemDifference[]; hidden: ItemDifference[] }> {
  const base = await readBase(services.db, pair.fork.workspace);
  const all = await readSides(services, { parent: whole(pair.parent), fork: whole(pair.fork) });
  const seen = pair.parent.isAdmin && pair.fork.isAdmin ? all : await readSides(services, pair);
  const shown: ItemDifference[] = [];
  const hidden: ItemDifference[] = [];
  for (const [name, difference] of differences(all, base)) {
    // an item that one side hides would look as if it were missing there
    const isSeen = seen.parent.has(name) === all.parent.has(name) && seen.fork.has(name) === all.fork.has(name);
    (isSeen ? shown : hidden).push(difference);
  }
  return { shown: shown.toSorted((a, b) => (`${a.kind}:${a.path}` < `${b.kind}:${b.path}` ? -1 : 1)), hidden };
}

/** Takes what is the same in both now as the point from which both are compared. */
export async function rebaseFork(services: Services, { parent, fork }: Pair): Promise<void> {
  const sides = await readSides(services, { parent: whole(parent), fork: whole(fork) });
  const equal = [...sides.fork.entries()].flatMap(([name, { item, digest }]) =>
    same(digest, sides.parent.get(name)?.digest) ? [{ ...item, digest }] : [],
  );
  const gone = (await readBase(services.db, fork.workspace)).filter(
    ({ kind, path }) => !sides.parent.has(`${kind}:${path}`) && !sides.fork.has(`${kind}:${path}`),
  );
  await services.db.transaction(async (tx) => {
    await tx.execute(sql`
      insert into fork_base (workspace_id, kind, path, digest)
      select ${fork.workspace}, * from unnest(${equal.map((row) => row.kind)}::text[], ${equal.map((row) => row.path)}::text[],
        ${equal.map((row) => row.digest)}::bytea[])
      on conflict (workspace_id, kind, path) do update set digest = excluded.digest`);
    await tx.execute(sql`
      delete from fork_base f
      using unnest(${gone.map((row) => row.kind)}::text[], ${gone.map((row) => row.path)}::text[]) as g (kind, path)
      where f.workspace_id = ${fork.workspace} and f.kind = g.kind and f.path = g.path`);
  });
}
