import { ResourceNotFoundError } from "@modelcontextprotocol/server";
import type { OperationSpec } from "@towermill/contract";
import { endpointTools } from "../endpoint/tool.ts";
import type { Host } from "../host.ts";
import { requireFollowable } from "../job/permission.ts";
import { requireJobId } from "../job/wait.ts";
import { askJob } from "../job/access.ts";
import type { Catalogue } from "../runnable/catalogue.ts";
import { inWorkspace, type Session, type WorkspaceSession } from "../session.ts";
import { judgeEndpoint, scopesFor } from "../verdict.ts";

/** What resources stand on. Variables and values of resources are never among them: they hold secrets. */
export interface Shelf {
  host: Host;
  catalogue: Catalogue;
}

const mostListed = 200;

/** Items at paths that are resources, by the collection in their addresses: what reads one, and what lists them. */
const collections = {
  scripts: { title: "A deployed script", read: "getScriptByPath", list: "listScripts" },
  flows: { title: "A deployed flow", read: "getFlowByPath", list: "listFlows" },
  apps: { title: "An app", read: "getAppByPath", list: "listApps" },
  schedules: { title: "A schedule", read: "getSchedule", list: "listSchedules" },
} as const;
type Collection = keyof typeof collections;

const json = "application/json";

export function resourceTemplates({ host }: Shelf, session: Session) {
  const workspace = session.workspace ?? "{workspace}";
  const has = (id: string): boolean => host.operations.some((op) => op.id === id);
  const items = Object.entries(collections).filter(([, { read }]) => has(read));
  return [
    ...items.map(([collection, { title }]) => ({
      uriTemplate: `wm://${workspace}/${collection}/{+path}`,
      name: collection.slice(0, -1),
      title,
      mimeType: json,
    })),
    { uriTemplate: `wm://${workspace}/jobs/{id}`, name: "job", title: "A job", mimeType: json },
    {
      uriTemplate: `wm://${workspace}/jobs/{id}/result`,
      name: "job-result",
      title: "The whole result of a job",
      mimeType: json,
    },
    {
      uriTemplate: `wm://${workspace}/jobs/{id}/logs`,
      name: "job-logs",
      title: "The whole log of a job",
      mimeType: "text/plain",
    },
  ];
}

/** Whether a tool that does the same may be called, on a path or at all. */
function mayCall(host: Host, session: Session, { name, path }: { name: string; path?: string }): boolean {
  const tool = endpointTools(host.operations).get(name);
  return tool !== undefined && judgeEndpoint(session, tool, path === undefined ? {} : { paths: [path] }).allowed;
}

/** Paths of scripts and flows are kept anyway; the others are asked for. */
async function paths({ catalogue, host }: Shelf, session: WorkspaceSession, collection: Collection): Promise<string[]> {
  const { read, list } = collections[collection];
  if (!mayCall(host, session, { name: read })) return [];
  const found =
    collection === "scripts" || collection === "flows"
      ? (await catalogue.readable(session.member)).filter((each) => `${each.kind}s` === collection)
      : await listed(host, session, list);
  return found.map((each) => each.path).filter((path) => mayCall(host, session, { name: read, path }));
}

async function listed(host: Host, session: WorkspaceSession, list: string): Promise<{ path: string }[]> {
  const operation = host.operations.find((op) => op.id === list);
  if (!operation || !mayCall(host, session, { name: list })) return [];
  const response = await host.invoke(session.principal, {
    operation,
    params: { workspace: session.workspace },
    query: { per_page: String(mostListed) },
    bodyText: "",
    ...scopesFor(session, operation),
    readOnly: session.principal.readOnly,
  });
  return response.ok ? ((await response.json()) as { path: string }[]) : [];
}

export async function listResources(shelf: Shelf, session: Session) {
  const inside = inWorkspace(session);
  if (!inside) return [];
  const scripts = await paths(shelf, inside, "scripts");
  return scripts.slice(0, mostListed).map((path) => ({
    uri: `wm://${inside.workspace}/scripts/${path}`,
    name: path,
    mimeType: json,
  }));
}

/** Values for a template's variable that begin with what was typed. */
export async function completePath(
  shelf: Shelf,
  session: Session,
  { template, typed }: { template: string; typed: string },
): Promise<string[]> {
  const inside = inWorkspace(session);
  const names = Object.keys(collections) as Collection[];
  const collection = names.find((name) => template.includes(`/${name}/`));
  if (!inside || collection === undefined) return [];
  return (await paths(shelf, inside, collection)).filter((path) => path.startsWith(typed));
}

interface Address {
  workspace: string;
  collection: string;
  rest: string;
}

function parseUri(uri: string): Address | null {
  const [, workspace = "", collection = "", rest = ""] = /^wm:\/\/([^/]+)\/([a-z]+)\/(.+)$/.exec(uri) ?? [];
  return workspace === "" ? null : { workspace, collection, rest: decodeURIComponent(rest) };
}

async function enter(host: Host, session: Session, workspace: string): Promise<WorkspaceSession | null> {
  const inside = inWorkspace(session);
  if (inside) return inside.workspace === workspace ? inside : null;
  const member = await host.memberOf(session.principal, workspace);
  return member ? { ...session, workspace, member } : null;
}

async function openItem(
  host: Host,
  session: WorkspaceSession,
  { operation, path }: { operation: OperationSpec; path: string },
): Promise<Response | null> {
  if (!mayCall(host, session, { name: operation.id, path })) return null;
  return host.invoke(session.principal, {
    operation,
    params: { workspace: session.workspace, path },
    query: {},
    bodyText: "",
    ...scopesFor(session, operation),
    readOnly: session.principal.readOnly,
  });
}

const jobParts: Record<string, string> = { "": "getJob", result: "getCompletedJobResult", logs: "getJobLogs" };

async function open(host: Host, session: WorkspaceSession, { collection, rest }: Address): Promise<Response | null> {
  if (collection === "jobs") {
    const [id = "", part = ""] = rest.split("/");
    const operation = jobParts[part];
    if (operation === undefined) return null;
    await requireFollowable(host, session, { id: requireJobId(id), action: "getJob" });
    return askJob(host, session, { operation, id });
  }
  if (!Object.hasOwn(collections, collection)) return null;
  const { read } = collections[collection as Collection];
  const operation = host.operations.find((op) => op.id === read);
  return operation ? openItem(host, session, { operation, path: rest }) : null;
}

/** The whole of a resource, byte for byte as the API answers it. @throws ResourceNotFoundError */
export async function readResource({ host }: Shelf, session: Session, uri: string) {
  const address = parseUri(uri);
  const inside = address ? await enter(host, session, address.workspace) : null;
  const response = address && inside ? await open(host, inside, address).catch(() => null) : null;
  if (!response?.ok) throw new ResourceNotFoundError(uri);
  const mimeType = (response.headers.get("content-type") ?? "application/json").split(";")[0] ?? "application/json";
  return { contents: [{ uri, mimeType, text: await response.text() }] };
}
