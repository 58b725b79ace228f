import { ApiError, notFound, type Member } from "@towermill/contract";
import type { NewJob } from "@towermill/queue";
import { createCache, type Bus, type Database } from "@towermill/store";
import { behalfOf } from "./behalf.ts";
import { loadMember, loadPrincipal, type Principal } from "./member.ts";
import { scriptJob, type RunOptions } from "./new-job.ts";
import type { Requester } from "./requester.ts";
import { createRunnables } from "./script-version.ts";
import { readTagRules } from "./tag.ts";

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

/** Makes jobs of what runs by itself. One per process. */
export function createUnattended({ db, bus }: { db: Database; bus: Bus }): Unattended {
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
    if (!member) throw new ApiError("bad_request", `${as.permissionedAs} (${as.email}) is no member of ${as.workspace} any more`);
    return member;
  };
  return {
    async job(run) {
      const { workspace } = run.as;
      const member = await memberOf(run.as);
      if (run.runnable.isFlow) throw notFound("Flow", run.runnable.path);
      const reader = run.trusted ? { ...member, isAdmin: true } : member;
      const version = await runnables.resolve({ scopes: null, member: reader }, { path: run.runnable.path });
      const behalf = await behalfOf({ db, members: { memberOf: (email) => loadMember(db, email, workspace) } }, workspace, version.options);
      const requester: Requester = { scopes: null, triggerKind: run.triggerKind, tags: "unserved" };
      const as = behalf ?? { member, permissionedAs: run.as.permissionedAs };
      const made = scriptJob(
        { version, args: run.args, options: { ...run.options, skip_preprocessor: true } },
        { requester, ...as, startedBy: { username: run.createdBy } },
        await rules.get("all"),
      );
      return { ...made, triggerPath: run.triggerPath };
    },
  };
}

