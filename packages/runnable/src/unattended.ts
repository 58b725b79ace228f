import { ApiError, notFound, type Member } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import { createCache, type Bus, type Database } from "@towermill/store";
import { behalfOf } from "./behalf.ts";
import { loadMember, loadPrincipal, type Principal } from "./member.ts";
import { scriptJob, type RunOptions } from "./new-job.ts";
import type { Requester, Runner } from "./requester.ts";
import { createRunnables, type ScriptOptions } from "./script-version.ts";
import { readTagRules, type TagRules } from "./tag.ts";

/** A script or flow by its path. */
export interface RunnableName {
  isFlow: boolean;
  path: string;
}

/** A run that nobody asks for at the moment: of a schedule, a trigger, a handler. */
export interface UnattendedRun {
  runnable: RunnableName;
  /** JSON text of an object. */
  args: string;
  /** Whom it acts as. */
  as: Principal;
  /** What `created_by` says. */
  createdBy: string;
  triggerKind: string | null;
  triggerPath: string | null;
  options?: RunOptions;
  /** The runnable was chosen by somebody who may read it, so whom it acts as need not. */
  trusted?: boolean;
}

export interface Unattended {
  /**
   * The job of a run; not started yet.
   * @throws ApiError when it can never run as it is: the runnable is missing or not readable for whom it acts as, who is gone,
   * or the tag is not for this workspace. Anything else that is thrown may pass.
   */
  job(run: UnattendedRun): Promise<NewJob>;
}

/** A deployed flow, as far as it decides whom it runs on behalf of. */
export interface RunnableFlow {
  options: Pick<ScriptOptions, "on_behalf_of" | "on_behalf_of_email">;
}

/** How flows are found and become jobs: what the driver of flows offers. */
export interface Flows<Flow extends RunnableFlow> {
  /** @throws ApiError `not_found` when there is none or the member may not see it */
  resolve(who: { scopes: null; member: Member }, target: { path: string }): Promise<Flow>;
  newJob(request: { flow: Flow; args: string; options: RunOptions }, runner: Runner, rules: TagRules): NewJob;
}

export interface UnattendedOptions<Flow extends RunnableFlow> {
  db: Database;
  bus: Bus;
  /** Without it there are no flows to run. */
  flows?: Flows<Flow> | undefined;
}

/** Finds what a run names, and says how its job is made. */
type Maker = (runner: Runner, rules: TagRules) => NewJob;
interface Found {
  options: RunnableFlow["options"];
  make: Maker;
}

/** Makes jobs of what runs by itself. One per process. */
export function createUnattended<Flow extends RunnableFlow>({ db, bus, flows }: UnattendedOptions<Flow>): Unattended {
  const runnables = createRunnables({ db, bus });
  const rules = createCache({ bus, name: "tags", load: () => readTagRules(db) });
  // `member:*` on the bus forgets all; a single change is seen when the entry is too old
  const members = createCache<Member | null>({
    bus,
    name: "member",
    load: (key) => {
      const [workspace = "", permissionedAs = "", email = ""] = JSON.parse(key) as string[];
      return loadPrincipal(db, { workspace, permissionedAs, email });
    },
    maximumAgeMs: 2000,
  });
  const memberOf = async (as: Principal): Promise<Member> => {
    const member = await members.get(JSON.stringify([as.workspace, as.permissionedAs, as.email]));
    if (!member)
      throw new ApiError("bad_request", `${as.permissionedAs} (${as.email}) is no member of ${as.workspace} any more`);
    return member;
  };
  const find = async ({ runnable: { isFlow, path }, args, ...run }: UnattendedRun, member: Member): Promise<Found> => {
    const options = { ...run.options, skip_preprocessor: true };
    if (!isFlow) {
      const version = await runnables.resolve({ scopes: null, member }, { path });
      return { options: version.options, make: (runner, tags) => scriptJob({ version, args, options }, runner, tags) };
    }
    if (!flows) throw notFound("Flow", path);
    const flow = await flows.resolve({ scopes: null, member }, { path });
    return { options: flow.options, make: (runner, tags) => flows.newJob({ flow, args, options }, runner, tags) };
  };
  const memberByEmail = { memberOf: (email: string, workspace: string) => loadMember(db, email, workspace) };
  return {
    async job(run) {
      const { workspace, permissionedAs } = run.as;
      const member = await memberOf(run.as);
      const found = await find(run, run.trusted ? { ...member, isAdmin: true } : member);
      const behalf = await behalfOf({ db, members: memberByEmail }, workspace, found.options);
      const requester: Requester = { scopes: null, triggerKind: run.triggerKind, tags: "unserved" };
      // a user's name may have changed since it was written down, a group is only its name
      const itself = permissionedAs.startsWith("g/") ? { member, permissionedAs } : { member };
      const runner: Runner = { requester, ...(behalf ?? itself), startedBy: { username: run.createdBy } };
      return { ...found.make(runner, await rules.get("all")), triggerPath: run.triggerPath };
    },
  };
}
