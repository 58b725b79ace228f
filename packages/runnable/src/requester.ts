import type { Member } from "@towermill/contract";

/** What starting a job has to know of whoever asks for it, besides who they are. */
export interface Requester {
  /** Scopes of their token; `null` = every right of the member. */
  scopes: readonly string[] | null;
  /** Where the job comes from: `ui`, `webhook`, `schedule`…; `null` = a person's or a job's token. */
  triggerKind: string | null;
  /**
   * Tags they may choose: `known` ones, `any` (super admins), or also ones that no worker serves at the moment (`unserved`:
   * what runs by itself must not fail because workers are being restarted).
   */
  tags: "known" | "any" | "unserved";
}

/** Whoever starts a job, and whom it acts as. */
export interface Runner {
  requester: Requester;
  /** Whom the job acts as. */
  member: Member;
  /** `u/{username}` or `g/{group}`; absent = the member. */
  permissionedAs?: string;
  /** Who started it, when that is somebody else. */
  startedBy?: Pick<Member, "username">;
}
