import { readFileSync } from "node:fs";
import { join } from "node:path";
import { triggerKinds } from "@towermill/contract";
import { parse } from "yaml";
import { adminPassword, root, type Instance } from "./instance.ts";
import { deployScript } from "./script.ts";

/** A workspace in which every kind of item lies in every place, each under words found nowhere else. */

/** Where items lie: with their owner, in a folder for some, in one for its owner alone, with the admin but shared. */
export type Place = "own" | "open" | "closed" | "granted";
export const places: readonly Place[] = ["own", "open", "closed", "granted"];

const folderOf: Record<Place, string> = {
  own: "u/ann",
  open: "f/open",
  closed: "f/closed",
  granted: "u/admin",
};

export interface Item {
  kind: string;
  place: Place;
  path: string;
  /** A word in the path, and one in what the item holds. */
  name: string;
  content: string;
  /** What its paths and ids put into the path of an operation; under an operation's id, what it takes as `path`. */
  params: Record<string, string>;
}

export interface CallerKind {
  token: string;
  sees: readonly Place[];
  isSuperAdmin?: boolean;
  isOperator?: boolean;
  /** Has only some scopes: other operations are closed. */
  isNarrowed?: boolean;
  /** Is in no workspace of the planted ones. */
  isStranger?: boolean;
}

/** Scopes to read what lies in one folder, of every kind that has a path. */
const inOpenFolder = [
  "scripts",
  "flows",
  "apps",
  "variables",
  "resources",
  "schedules",
  "drafts",
  ...triggerKinds.map((kind) => `${kind}_triggers`),
].map((domain) => `${domain}:read:f/open/*`);

const workspace = "planted";
let count = 0;
function word(kind: string): string {
  count += 1;
  return `${kind}zq${count.toString(36).padStart(4, "0")}x`;
}

async function addCallers(instance: Instance): Promise<Record<string, CallerKind>> {
  const login = async (name: string): Promise<string> => {
    const body = { email: `${name}@example.com`, password: adminPassword };
    await instance.text("POST", "/users/create", { body: { ...body, super_admin: false } });
    return instance.text("POST", "/auth/login", { body, token: "none" });
  };
  const add = (where: string, name: string, role: object = {}): Promise<string> =>
    instance.text("POST", `/w/${where}/workspaces/add_user`, {
      body: { email: `${name}@example.com`, username: name, is_admin: false, operator: false, ...role },
    });
  const tokens: Record<string, string> = {};
  for (const name of ["chief", "ann", "writer", "viewer", "dev", "olga", "stranger"]) {
    tokens[name] = await login(name);
    const role = { is_admin: name === "chief", operator: name === "olga" };
    await add(name === "stranger" ? "elsewhere" : workspace, name, role);
  }
  const of = (name: string): string => tokens[name] ?? "";
  const narrow = async (scopes: string[]): Promise<string> =>
    instance.text("POST", "/users/tokens/create", { body: { label: "narrow", scopes } });
  return {
    "super admin": { token: instance.token, sees: places, isSuperAdmin: true },
    admin: { token: of("chief"), sees: places },
    owner: { token: of("ann"), sees: ["own", "open", "closed"] },
    "folder writer": { token: of("writer"), sees: ["open"] },
    "folder viewer": { token: of("viewer"), sees: ["open"] },
    developer: { token: of("dev"), sees: ["granted"] },
    operator: { token: of("olga"), sees: ["open"], isOperator: true },
    outsider: { token: of("stranger"), sees: [], isStranger: true },
    anonymous: { token: "none", sees: [], isStranger: true },
    "an admin's token for one folder": { token: await narrow(inOpenFolder), sees: ["open"], isNarrowed: true },
    "a token without scopes": { token: await narrow([]), sees: [], isStranger: true },
  };
}

async function addFolders(instance: Instance): Promise<Item[]> {
  const all: Item[] = [];
  const rights = {
    open: { "u/ann": true, "u/writer": true, "u/viewer": false, "u/olga": false },
    closed: { "u/ann": true },
  };
  for (const place of ["open", "closed"] as const) {
    const content = word("folder");
    const body = { name: place, summary: content, owners: ["u/ann"], extra_perms: rights[place] };
    await instance.text("POST", `/w/${workspace}/folders/create`, { body });
    all.push({ kind: "folder", place, path: place, name: content, content, params: { name: place } });
  }
  return all;
}

function triggerBody(kind: string, path: string, content: string): Record<string, unknown> {
  const file = join(root, `examples/blueprint/f/shop/on_${kind}.${kind}_trigger.yaml`);
  const { has_permissioned_as: _, ...config } = parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const unique = kind === "http" ? { route_path: content } : kind === "email" ? { local_part: content } : {};
  return { ...config, ...unique, path, script_path: content, summary: content };
}

/** Plants one item of each kind in a place; answers them with what names them. */
async function plant(instance: Instance, place: Place): Promise<Item[]> {
  const all: Item[] = [];
  const post = (path: string, body: unknown): Promise<string> =>
    instance.text("POST", `/w/${workspace}/${path}`, { body });
  const get = <T>(path: string): Promise<T> => instance.json<T>("GET", `/w/${workspace}/${path}`);
  const make = async (
    kind: string,
    create: (path: string, content: string) => Promise<Record<string, string> | void>,
  ) => {
    const [name, content] = [word(kind), word(kind)];
    const path = `${folderOf[place]}/${name}`;
    const params = (await create(path, content)) ?? {};
    all.push({ kind, place, path, name, content, params: { path, ...params } });
    return path;
  };
  const share = (kind: string, path: string): Promise<unknown> =>
    place === "granted" ? post(`acls/add/${kind}/${path}`, { owner: "u/dev", write: false }) : Promise.resolve();

  const script = await make("script", async (path, content) => {
    const hash = await deployScript(instance, {
      workspace,
      path,
      language: "bash",
      content: `echo ${content}\n`,
      summary: content,
    });
    return { hash, rawScriptByHash: `${hash}.sh` };
  });
  await share("script", script);
  await make("job", async (_, content) => {
    const id = await post(`jobs/run/p/${script}`, { word: content });
    await instance.text("GET", `/w/${workspace}/jobs_u/getupdate_sse/${id}`);
    return { id, path: script };
  });
  const flow = await make("flow", async (path, content) => {
    const modules = [{ id: "a", value: { type: "identity" } }];
    const body = { path, summary: content, description: content, value: { modules }, schema: {} };
    await post("flows/create", body);
    const [version] = await get<{ id: number }[]>(`flows/history/p/${path}`);
    return { version: String(version?.id) };
  });
  await share("flow", flow);
  await make("flow_job", async (_, content) => {
    const id = await post(`jobs/run/f/${flow}`, { word: content });
    await instance.text("GET", `/w/${workspace}/jobs_u/getupdate_sse/${id}`);
    return { id, flow_job_id: id, node_id: "a", path: flow };
  });
  const app = await make("app", async (path, content) => {
    await post("apps/create", { path, summary: content, value: { text: content }, policy: {} });
    const [version] = await get<{ version: number }[]>(`apps/history/p/${path}`);
    return { id: String(version?.version) };
  });
  await share("app", app);
  const rawApp = await make("raw_app", async (path, content) => {
    await post("apps/create_raw_source", {
      path,
      summary: content,
      value: { files: { "/a.ts": content } },
      policy: {},
    });
  });
  await share("raw_app", rawApp);
  for (const is_secret of [false, true]) {
    const path = await make(is_secret ? "secret" : "variable", async (at, content) => {
      await post("variables/create", { path: at, value: content, is_secret, description: "" });
    });
    await share("variable", path);
  }
  const resource = await make("resource", async (path, content) => {
    await post("resources/create", {
      path,
      value: { text: content },
      resource_type: "c_planted",
      description: content,
    });
    await post(`resources/update_value/${path}`, { value: { text: content, more: true } });
    const {
      versions: [version],
    } = await get<{ versions: { id: number }[] }>(`resources/history/p/${path}`);
    return { id: String(version?.id), name: "c_planted" };
  });
  await share("resource", resource);
  const schedule = await make("schedule", async (path, content) => {
    const when = { schedule: "0 0 3 * * *", timezone: "UTC", enabled: false };
    await post("schedules/create", {
      path,
      ...when,
      script_path: script,
      is_flow: false,
      args: { text: content },
      summary: content,
    });
  });
  await share("schedule", schedule);
  for (const kind of triggerKinds) {
    const path = await make(`${kind}_trigger`, async (at, content) => {
      await post(`${kind}_triggers/create`, triggerBody(kind, at, content));
    });
    await share(`${kind}_trigger`, path);
  }
  await make("draft", async (path, content) => {
    await post(`drafts/update/script/${path}`, { value: { path, summary: content, content } });
    return { kind: "script", username: "admin" };
  });
  await make("trash", async (path, content) => {
    await post("variables/create", { path, value: content, is_secret: false, description: content });
    await share("variable", path);
    await instance.text("DELETE", `/w/${workspace}/variables/delete/${path}`);
    const [gone] = await get<{ id: number }[]>("trash/list");
    return { id: String(gone?.id) };
  });
  return all;
}

/** A canary of a workspace that none of the callers but the super admin is in. */
async function plantElsewhere(instance: Instance): Promise<string> {
  const content = word("foreign");
  const body = { path: `u/admin/${content}`, value: content, is_secret: false, description: content };
  await instance.text("POST", "/w/hidden/variables/create", { body });
  return content;
}

export interface Planted {
  workspace: string;
  items: Item[];
  callers: Record<string, CallerKind>;
  /** A word of another workspace. */
  foreign: string;
}

/** Fills a workspace; slow enough to be done once per test file. */
export async function plantItems(instance: Instance): Promise<Planted> {
  for (const id of [workspace, "elsewhere", "hidden"])
    await instance.text("POST", "/workspaces/create", { body: { id, name: id, username: "admin" } });
  const callers = await addCallers(instance);
  await instance.text("POST", `/w/${workspace}/resources/type/create`, { body: { name: "c_planted", schema: {} } });
  const items = await addFolders(instance);
  for (const place of places) items.push(...(await plant(instance, place)));
  return { workspace, items, callers, foreign: await plantElsewhere(instance) };
}
