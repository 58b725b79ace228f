import { operations, type Member, type OperationSpec } from "@towermill/contract";
import { describe, expect, test } from "vitest";
import type { Authentication } from "../identity/authentication.ts";
import { anonymous, type AccountCaller, type Caller } from "../identity/caller.ts";
import { requireAccess } from "./access.ts";

/**
 * Every operation × every kind of caller. The expectation is written as rules of its own, so that a new operation
 * without a rule, or one that opens more than it says, fails here.
 */
const workspace = "demo";
const members: Record<string, Partial<Member>> = {
  admin: { isAdmin: true },
  developer: {},
  operator: { isOperator: true },
};

function memberNamed(name: string): Member | null {
  const role = members[name];
  if (!role) return null;
  return {
    workspace,
    email: `${name}@x.y`,
    username: name,
    isAdmin: false,
    isOperator: false,
    groups: ["all"],
    foldersRead: [],
    foldersWrite: [],
    foldersOwned: [],
    ...role,
  };
}

const auth: Authentication = {
  byToken: () => Promise.resolve(null),
  memberOf: async (email, asked) => (asked === workspace ? memberNamed(email.split("@")[0] ?? "") : null),
  workspaceExists: async (id) => id === workspace,
  operatorSettings: async () => ({}),
};

function account(name: string, fields: Partial<AccountCaller> = {}): AccountCaller {
  return {
    kind: "account",
    account: { email: `${name}@x.y`, username: name, superAdmin: name === "superadmin", devops: name === "devops" },
    scopes: null,
    readOnly: false,
    tokenWorkspace: null,
    tokenHash: Buffer.alloc(32),
    tokenPrefix: "prefix",
    byCookie: false,
    ...fields,
  };
}

/** What the rules of the product say. `null` = may call. */
type Rule = (op: OperationSpec) => 401 | 403 | null;
const inWorkspace = (op: OperationSpec): boolean => op.path.startsWith("/w/{workspace}/");
const isInstance = (op: OperationSpec): boolean => op.access === "superadmin" || op.access === "devops";
const changes = (op: OperationSpec): boolean =>
  (op.method !== "GET" && op.readsOnly !== true) || op.scope?.action === "run";
const member: (level: number) => Rule = (level) => (op) => {
  if (isInstance(op)) return 403;
  if (!inWorkspace(op)) return null;
  const needs = op.access === "admin" ? 3 : op.access === "developer" || op.runsCallerCode ? 2 : 1;
  return level >= needs ? null : 403;
};
const both =
  (...rules: Rule[]): Rule =>
  (op) =>
    rules.map((rule) => rule(op)).find((status) => status !== null) ?? null;

const callers: Record<string, { caller: Caller; rule: Rule }> = {
  anonymous: { caller: anonymous, rule: () => 401 },
  outsider: { caller: account("outsider"), rule: member(0) },
  operator: { caller: account("operator"), rule: member(1) },
  developer: { caller: account("developer"), rule: member(2) },
  admin: { caller: account("admin"), rule: member(3) },
  "super admin": { caller: account("superadmin"), rule: () => null },
  "devops, no member": {
    caller: account("devops"),
    rule: (op) => (op.access === "devops" ? null : op.access === "superadmin" || inWorkspace(op) ? 403 : null),
  },
  "super admin by a token of another workspace": {
    caller: account("superadmin", { tokenWorkspace: "other" }),
    rule: (op) => (isInstance(op) || inWorkspace(op) ? 403 : null),
  },
  "admin by a token of this workspace": { caller: account("admin", { tokenWorkspace: workspace }), rule: member(3) },
  "admin by a token of another workspace": {
    caller: account("admin", { tokenWorkspace: "other" }),
    rule: (op) => (isInstance(op) || inWorkspace(op) ? 403 : null),
  },
  "admin by a read-only token": {
    caller: account("admin", { readOnly: true }),
    rule: both((op) => (changes(op) ? 403 : null), member(3)),
  },
  "admin by a token without scopes": {
    caller: account("admin", { scopes: [] }),
    rule: both((op) => (op.scope ? 403 : null), member(3)),
  },
  "admin by a token of another domain": {
    caller: account("admin", { scopes: ["docs:read", "nonsense", "a:b:c:d:e"] }),
    rule: both((op) => (op.scope && op.scope.domain !== "docs" ? 403 : null), member(3)),
  },
  "a job of an admin": {
    caller: { kind: "job", jobId: "00000000-0000-7000-8000-000000000000", member: memberNamed("admin") as Member },
    rule: both((op) => (op.deniesJobTokens ? 403 : null), member(3)),
  },
  "a job of an operator": {
    caller: { kind: "job", jobId: "00000000-0000-7000-8000-000000000000", member: memberNamed("operator") as Member },
    rule: both((op) => (op.deniesJobTokens ? 403 : null), member(1)),
  },
};

const params = { workspace, path: "f/some/path", name: "x", id: "x" };
const guarded = operations.filter((op) => op.access !== "public");

describe.each(Object.entries(callers))("%s", (_name, { caller, rule }) => {
  test("is let in and kept out exactly as the rules say, at every operation", async () => {
    const wrong: string[] = [];
    for (const op of guarded) {
      const found = await requireAccess(auth, { op, caller, params }).then(
        () => null,
        (error: { status?: number }) => error.status ?? 500,
      );
      const wanted = rule(op);
      if (found !== wanted) wrong.push(`${op.id}: ${found}, by the rules ${wanted}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("what a workspace hides from operators", () => {
  const hiding = (settings: Record<string, boolean>): Authentication => ({
    ...auth,
    operatorSettings: async () => settings,
  });
  const open = async (settings: Record<string, boolean>, caller: Caller): Promise<string[]> => {
    const ids: string[] = [];
    for (const op of guarded)
      await requireAccess(hiding(settings), { op, caller, params }).then(
        () => ids.push(op.id),
        () => null,
      );
    return ids;
  };
  const closed = async (name: string, caller: Caller = account("operator")): Promise<string[]> => {
    const still = new Set(await open({ [name]: false }, caller));
    return (await open({ [name]: true }, caller)).filter((id) => !still.has(id));
  };

  test("is closed to them by each setting, and nothing besides", async () => {
    expect(await closed("schedules")).toContain("listSchedules");
    expect(await closed("variables")).toEqual(expect.arrayContaining(["getVariable", "listVariable"]));
    expect(await closed("resources")).toContain("getResource");
    expect(await closed("audit_logs")).toEqual(["listAuditLogs", "getAuditLog"]);
    expect(await closed("triggers")).toEqual(expect.arrayContaining(["listHttpTriggers", "getKafkaTrigger"]));
    expect(await closed("folders")).toContain("listFolders");
    const runs = await closed("runs");
    expect(runs).toEqual(expect.arrayContaining(["listJobs", "listQueue", "listCompletedJobs"]));
    expect(runs).not.toContain("getJobUpdates");
    expect(runs).not.toContain("runScriptByPath");
    expect(await closed("nonsense")).toEqual([]);
  });

  test("stays open to everybody else, and to the jobs of operators", async () => {
    for (const name of ["developer", "admin", "superadmin"])
      expect(await closed("variables", account(name))).toEqual([]);
    const job: Caller = {
      kind: "job",
      jobId: "00000000-0000-7000-8000-000000000000",
      member: memberNamed("operator") as Member,
    };
    expect(await closed("variables", job)).toEqual([]);
  });
});

describe("every operation", () => {
  test("names the scope it needs, but for the few that any valid token may ask", () => {
    const without = guarded.filter((op) => !op.scope).map((op) => op.id);
    expect(new Set(without)).toEqual(
      new Set(
        ["existsWorkspace", "getCurrentEmail", "getGlobal", "globalWhoami", "whoami", "logout"].filter((id) =>
          without.includes(id),
        ),
      ),
    );
  });

  test("is open to scoped tokens by its own domain and action, with the path where it has one", async () => {
    const refused: string[] = [];
    for (const op of guarded.filter((candidate) => candidate.scope)) {
      const { domain, action, kind } = op.scope ?? { domain: "", action: "", kind: undefined };
      const scope = [domain, action, ...(kind ? [kind] : [])].join(":");
      const caller = account("superadmin", { scopes: [scope] });
      await requireAccess(auth, { op, caller, params }).catch((error: Error) =>
        refused.push(`${op.id}: ${error.message}`),
      );
    }
    expect(refused).toEqual([]);
  });

  test("with a path is closed to tokens of another path", async () => {
    const open: string[] = [];
    for (const op of guarded.filter((one) => one.scope && !one.narrows && /\{path\}$/.test(one.path))) {
      const { domain, action, kind } = op.scope ?? { domain: "", action: "", kind: undefined };
      const scopes = [[domain, action, ...(kind ? [kind] : []), "f/other/*"].join(":")];
      const caller = account("superadmin", { scopes });
      const refused = await requireAccess(auth, { op, caller, params }).then(
        () => false,
        () => true,
      );
      if (!refused) open.push(op.id);
    }
    expect(open).toEqual([]);
  });

  test("without a path is closed to tokens of paths, but for those that answer by paths", async () => {
    const wrong: string[] = [];
    for (const op of guarded.filter((one) => one.scope && !/\{(path|id)\}$/.test(one.path))) {
      const { domain, action, kind } = op.scope ?? { domain: "", action: "", kind: undefined };
      const scopes = [[domain, action, ...(kind ? [kind] : []), "f/other/*"].join(":")];
      const isOpen = await requireAccess(auth, { op, caller: account("superadmin", { scopes }), params }).then(
        () => true,
        () => false,
      );
      if (isOpen !== (op.narrows === true) && !/path\}/.test(op.path)) wrong.push(`${op.id}: ${isOpen}`);
    }
    expect(wrong).toEqual([]);
  });

  test("that runs code the caller sends is closed to operators", () => {
    const previews = operations.filter(
      (op) => /preview|dependencies/.test(op.path) && op.method === "POST" && /\/jobs\/run/.test(op.path),
    );
    expect(
      previews
        .filter((op) => !op.runsCallerCode && op.access !== "developer" && op.access !== "admin")
        .map((op) => op.id),
    ).toEqual([]);
  });
});
