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

const kinds = {
  scripts: { operation: "getScriptByPath", kind: "script" },
  flows: { operation: "getFlowByPath", kind: "flow" },
} as const;

export function resourceTemplates({ host }: Shelf, session: Session) {
  const workspace = session.workspace ?? "{workspace}";
  const json = "application/json";
  const has = (id: string): boolean => host.operations.some((op) => op.id === id);
  return [
    ...(has("getScriptByPath")
      ? [
          {
            uriTemplate: `wm://${workspace}/scripts/{+path}`,
            name: "script",
            title: "A deployed script",
            mimeType: json,
          },
        ]
      : []),
    ...(has("getFlowByPath")
      ? [{ uriTemplate: `wm://${workspace}/flows/{+path}`, name: "flow", title: "A deployed flow", mimeType: json }]
      : []),
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

/** Whether the tool that reads the same may be called, on a path or at all. */
function mayRead(host: Host, session: Session, { kind, path }: { kind: "script" | "flow"; path?: string }): boolean {
  const name = kind === "flow" ? "getFlowByPath" : "getScriptByPath";
  const tool = endpointTools(host.operations).get(name);
  return tool !== undefined && judgeEndpoint(session, tool, path === undefined ? {} : { paths: [path] }).allowed;
}

async function paths(
  { catalogue, host }: Shelf,
  session: WorkspaceSession,
  kind: "script" | "flow",
): Promise<string[]> {
  if (!mayRead(host, session, { kind })) return [];
  const readable = await catalogue.readable(session.member);
  return readable.filter((each) => each.kind === kind && mayRead(host, session, each)).map((each) => each.path);
}

export async function listResources(shelf: Shelf, session: Session) {
  const inside = inWorkspace(session);
  if (!inside) return [];
  const scripts = await paths(shelf, inside, "script");
  return scripts.slice(0, mostListed).map((path) => ({
    uri: `wm://${inside.workspace}/scripts/${path}`,
    name: path,
    mimeType: "application/json",
  }));
}

/** Values for a template's variable that begin with what was typed. */
export async function completePath(
  shelf: Shelf,
  session: Session,
  { template, typed }: { template: string; typed: string },
): Promise<string[]> {
  const inside = inWorkspace(session);
  const kind = template.includes("/scripts/") ? "script" : template.includes("/flows/") ? "flow" : null;
  if (!inside || kind === null) return [];
  return (await paths(shelf, inside, kind)).filter((path) => path.startsWith(typed));
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
  if (!mayRead(host, session, { kind: operation.id === "getFlowByPath" ? "flow" : "script", path })) return null;
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
  if (collection !== "scripts" && collection !== "flows") return null;
  const operation = host.operations.find((op) => op.id === kinds[collection].operation);
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
