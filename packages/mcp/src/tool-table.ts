import type { OperationSpec } from "@towermill/contract";
import { endpointTools } from "./endpoint/tool.ts";
import { ownTools } from "./own-tools.ts";

const columns = ["list", "read", "create", "update", "archive", "delete", "run"] as const;
type Column = (typeof columns)[number];
type Cells = Partial<Record<Column, string>>;

/** What a tool does, by the verb its name begins with. */
const verbs: readonly [RegExp, Column][] = [
  [/^(list|search)/, "list"],
  [/^(get|read|diff)/, "read"],
  [/^create/, "create"],
  [/^(update|edit)/, "update"],
  [/^(archive|setScheduleEnabled)/, "archive"],
  [/^(delete|cancel)/, "delete"],
  [/^(run|test|deploy|wait|resume|restore)/, "run"],
];

/** Tools that serve for more than their name says. */
const besides: Record<string, Cells> = {
  createScript: { update: "`createScript` with `auto_parent`" },
  updateDraft: { create: "`updateDraft`", delete: "`updateDraft` with null" },
  editDraft: { create: "`editDraft`" },
};

/** Why there is no tool: the platform knows no such thing. Anything else without a tool is a gap. */
const absent: Record<string, Cells> = {
  docs: {
    create: "comes with the product",
    update: "comes with the product",
    archive: "no such thing",
    delete: "no such thing",
    run: "no such thing",
  },
  apps: { archive: "`deleteApp`: the trash keeps it", run: "opened in a browser" },
  variables: { archive: "`deleteVariable`: the trash keeps it", run: "used as `$var:path`" },
  resources: { archive: "`deleteResource`: the trash keeps it", run: "used as `$res:path`" },
  schedules: { run: "at its time" },
  folders: { archive: "no such thing", run: "no such thing" },
  drafts: { archive: "no such thing" },
  trash: {
    read: "`listTrash`",
    create: "by deleting",
    update: "no such thing",
    archive: "no such thing",
    delete: "by itself after three days",
  },
  jobs: { create: "by running", update: "`resumeSuspended`", archive: "no such thing" },
  workers: {
    create: "`towermill worker`",
    update: "no such thing",
    archive: "no such thing",
    delete: "no such thing",
    run: "no such thing",
  },
};

const titles: Record<string, string> = { docs: "Documentation" };

/** Runs are jobs to the contract, and scripts and flows to those who look for them. */
function entityOf(name: string, toolset: string): string {
  if (/^run(Script|Flow)/.test(name)) return name.startsWith("runFlow") ? "flows" : "scripts";
  return toolset;
}

function columnOf(name: string): Column {
  const found = verbs.find(([verb]) => verb.test(name));
  if (!found) throw new Error(`${name} fits no column of the table of tools`);
  return found[1];
}

/**
 * Entity × operation: which tool does what, and why there is none where there is none.
 * @throws Error when a tool fits nowhere, or a cell has neither a tool nor a reason
 */
export function toolTable(operations: readonly OperationSpec[]): { head: string[]; rows: string[][] } {
  const own = [...ownTools.values()].filter((tool) => !tool.openOnly);
  const tools = [
    ...[...endpointTools(operations).values()].map(({ name, toolset }) => ({ name, toolset })),
    ...own.map(({ shown, toolset }) => ({ name: shown.name, toolset })),
  ];
  const entities = new Map<string, Map<Column, string[]>>();
  for (const { name, toolset } of tools) {
    const entity = entityOf(name, toolset);
    const cells = entities.get(entity) ?? new Map<Column, string[]>();
    entities.set(entity, cells);
    const added: Cells = { [columnOf(name)]: `\`${name}\``, ...besides[name] };
    for (const column of columns) {
      const text = added[column];
      if (text !== undefined) cells.set(column, [...(cells.get(column) ?? []), text]);
    }
  }
  const rows = [...entities]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([entity, cells]) => {
      const texts = columns.map((column) => {
        const text = cells.get(column)?.join(", ") ?? absent[entity]?.[column];
        if (!text) throw new Error(`the table of tools has no ${column} of ${entity}, and no reason why`);
        return text;
      });
      return [titles[entity] ?? entity.slice(0, 1).toUpperCase() + entity.slice(1), ...texts];
    });
  return {
    head: ["", "list", "read", "create", "update", "archive or disable", "delete or end", "run and go on"],
    rows,
  };
}
