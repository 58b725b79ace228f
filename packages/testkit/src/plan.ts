import type { Database, Queryable, Sql } from "@towermill/store";

/** How PostgreSQL would run one statement. */
export interface Plan {
  /** The statement's name, else the beginning of its text. */
  readonly statement: string;
  /** Indexes it reads; those of partitions under the name of the whole table's index. */
  readonly indexes: readonly string[];
  /** Tables and partitions of 1,000 rows and more that it reads from end to end. */
  readonly readWhole: readonly string[];
  /** Most rows that it expects to sort at once. */
  readonly sorted: number;
}

export interface PlanRecorder {
  /** Hands statements on to the database, each after it was explained with the same values. */
  readonly db: Database;
  /** Plans since the last call, in order. A named statement has two: for its values, and for any. */
  take(): Plan[];
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Plan Rows": number;
  Plans?: PlanNode[];
}

const statementOf = (text: string, values: readonly unknown[] = []): Sql => ({ text, values });

/**
 * Records the plans of what the product itself sends. Fill the database and `analyze` it first: with few rows reading a
 * whole table is the right plan.
 */
export function recordPlans(db: Database): PlanRecorder {
  const taken: Plan[] = [];
  const record = async (queries: Queryable, statement: Sql): Promise<void> => {
    const label = statement.name ?? statement.text.replace(/\s+/g, " ").trim().slice(0, 120);
    const explains = [statementOf(`explain (format json) ${statement.text}`, statement.values)];
    if (statement.name !== undefined)
      explains.push(statementOf(`explain (generic_plan, format json) ${statement.text}`));
    for (const explain of explains) taken.push(await planOf(queries, explain, label));
  };
  const recording = (queries: Queryable): Queryable => ({
    async query(statement) {
      await record(queries, statement);
      return queries.query(statement);
    },
    async one(statement) {
      await record(queries, statement);
      return queries.one(statement);
    },
    async maybe(statement) {
      await record(queries, statement);
      return queries.maybe(statement);
    },
    async execute(statement) {
      await record(queries, statement);
      return queries.execute(statement);
    },
  });
  return {
    db: {
      ...recording(db),
      transaction: (work, options) => db.transaction((tx) => work(recording(tx)), options),
      usage: () => db.usage(),
      close: () => db.close(),
    },
    take: () => taken.splice(0),
  };
}

async function planOf(queries: Queryable, explain: Sql, statement: string): Promise<Plan> {
  const answer = await queries.one<{ "QUERY PLAN": string }>(explain);
  const [top] = JSON.parse(answer["QUERY PLAN"]) as { Plan: PlanNode }[];
  const nodes = top === undefined ? [] : [...nodesOf(top.Plan)];
  const scanned = nodes.flatMap((node) => (node["Node Type"] === "Seq Scan" ? [node["Relation Name"] ?? ""] : []));
  const indexes = nodes.flatMap((node) => node["Index Name"] ?? []);
  const large = await queries.query<{ relname: string }>(
    statementOf("select relname from pg_class where relname = any($1::text[]) and reltuples >= 1000", [scanned]),
  );
  // an index of a partition has a made-up name; its parent is the one that was declared
  const declared = await queries.query<{ name: string }>(
    statementOf(
      `select distinct coalesce(p.relname, c.relname) as name from pg_class c
        left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent
        where c.relkind in ('i', 'I') and c.relname = any($1::text[]) order by 1`,
      [indexes],
    ),
  );
  const sorts = nodes.flatMap((node) => (node["Node Type"] === "Sort" ? [node["Plan Rows"]] : []));
  return {
    statement,
    indexes: declared.map(({ name }) => name),
    readWhole: large.map(({ relname }) => relname),
    sorted: Math.max(0, ...sorts),
  };
}

function* nodesOf(node: PlanNode): Generator<PlanNode> {
  yield node;
  for (const child of node.Plans ?? []) yield* nodesOf(child);
}
