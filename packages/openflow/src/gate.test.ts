import { describe, expect, test } from "vitest";
import { Driver, script, type Setting } from "./driver.fixture.ts";
import type { FlowModule, Suspend } from "./flow-value.ts";

function gated(
  suspend: Suspend,
  after: FlowModule[] = [script("b", {}, { x: "resumes" })],
  more: Partial<Setting> = {},
): Driver {
  const exprs: Setting["exprs"] = { resumes: ({ resumes }) => resumes, groups: () => ["g1", "g2"], yes: () => true };
  return new Driver({ flow: { modules: [script("a", { suspend }), ...after] }, exprs, ...more });
}

function resume(
  driver: Driver,
  resume_id: number,
  more: { approved?: boolean; job?: string; approver?: string | null } = {},
): boolean {
  const job = driver.flow().children[0]?.job ?? "";
  return driver.send({ type: "resume", at: driver.now, job, resume_id, approver: "me", approved: true, ...more });
}

describe("a gate", () => {
  test("holds the flow until enough approvals came, then tells them to the next step", () => {
    const driver = gated({ required_events: 2 });
    driver.runOne();
    const { job } = driver.calls[0] ?? { job: "" };
    expect(driver.status.modules[1]).toEqual({ type: "WaitingForEvents", id: "b", count: 2, job });
    expect(driver.effects.at(-1)).toMatchObject({ kind: "suspend", job, count: 2, until: driver.now + 1_800_000 });
    expect(resume(driver, 1)).toBe(true);
    expect(driver.effects.at(-1)).toMatchObject({ kind: "suspend", count: 1 });
    expect(resume(driver, 1)).toBe(false);
    expect(resume(driver, 2, { approver: null })).toBe(true);
    expect(driver.effects.some(({ kind }) => kind === "unsuspend")).toBe(true);
    expect(driver.status.modules[0]).toMatchObject({
      approvers: [
        { resume_id: 1, approver: "me" },
        { resume_id: 2, approver: "anonymous" },
      ],
    });
    expect(resume(driver, 1)).toBe(false);
    expect(resume(driver, 3)).toBe(false);
    driver.drain();
    expect(driver.calls[1]?.args).toMatchObject({ x: [{ resume_id: 1 }, { resume_id: 2 }] });
    expect(driver.status.engine.gate).toBeUndefined();
  });

  test("counts what came before the flow got there, and approvals of the flow as a whole", () => {
    const driver = gated({ required_events: 2 });
    resume(driver, 1);
    resume(driver, 2, { job: driver.root });
    resume(driver, 3, { job: "another" });
    driver.drain();
    expect(driver.end?.status).toBe("success");
    expect(driver.effects.some(({ kind }) => kind === "suspend")).toBe(false);
    expect(driver.status.engine.resumes).toMatchObject([{ job: "another" }]);
  });

  test("takes no approvals once the flow is past it", () => {
    const driver = gated({ required_events: 1 }, [script("b"), script("c"), script("d")]);
    resume(driver, 1);
    driver.runOne();
    driver.runOne();
    expect(resume(driver, 2)).toBe(false);
    const ungated = new Driver({ flow: { modules: [script("a"), script("b")] } });
    ungated.runOne();
    expect(resume(ungated, 1)).toBe(false);
  });

  test("behind the last step is there all the same", () => {
    const driver = gated({ required_events: 1, timeout: 5 }, []);
    driver.drain();
    expect(driver.status.modules).toMatchObject([{}, { type: "WaitingForEvents", id: "a-v" }]);
    resume(driver, 1);
    expect(driver.end?.status).toBe("success");
  });

  test.each([
    ["me", "Disapproved by me"],
    [null, "Disapproved by unknown"],
  ])("that %s disapproves fails the flow; the handler runs, nothing is retried", (approver, message) => {
    const driver = gated({ required_events: 1 }, [script("b", { retry: { constant: { attempts: 1 } } })]);
    driver.runOne();
    resume(driver, 1, { approved: false, approver });
    expect(driver.end).toMatchObject({
      status: "failure",
      value: { error: { name: "SuspendedDisapproved", message } },
    });
    expect(driver.status.modules[1]).toMatchObject({ type: "Failure", job: driver.root });
  });

  test("that nobody opens in time fails the flow", () => {
    const driver = gated({ required_events: 1, timeout: 10 });
    driver.runOne();
    expect(driver.send({ type: "timeout", at: driver.now + 9_999 })).toBe(false);
    expect(driver.send({ type: "timeout", at: driver.now + 10_000 })).toBe(true);
    expect(driver.end?.value).toMatchObject({ error: { name: "SuspendedTimedOut" } });
  });

  test("may let the flow go on with the refusal as the last resume", () => {
    const driver = gated({ required_events: 2, continue_on_disapprove_timeout: true });
    driver.runOne();
    resume(driver, 1);
    resume(driver, 2, { approved: false });
    driver.drain();
    expect(driver.calls[1]?.args).toMatchObject({ x: [{ resume_id: 1 }, { name: "SuspendedDisapproved" }] });
    expect(driver.end?.status).toBe("success");
  });

  test("says who may open it", () => {
    const driver = gated({ required_events: 1, user_groups_required: { type: "javascript", expr: "groups" } });
    driver.runOne();
    const conditions = { user_auth_required: false, user_groups_required: ["g1", "g2"], self_approval_disabled: false };
    expect(driver.status.approval_conditions).toEqual(conditions);
    expect(driver.effects.at(-1)).toMatchObject({ kind: "suspend", conditions });
    resume(driver, 1);
    expect(driver.status.approval_conditions).toBeUndefined();
    for (const rule of [{ user_auth_required: true }, { self_approval_disabled: true }]) {
      const other = gated({ required_events: 1, ...rule });
      other.runOne();
      expect(other.status.approval_conditions).toMatchObject({ user_groups_required: [], ...rule });
    }
  });

  test("whose groups cannot be told fails the flow", () => {
    const driver = gated({ required_events: 1, user_groups_required: { type: "javascript", expr: "bad" } });
    driver.runOne();
    expect(driver.end?.value).toMatchObject({ error: { message: /user_groups_required of step a/ } });
  });

  test("is none behind a skipped or failed step, or for no events", () => {
    for (const options of [{ skip_if: { expr: "yes" } }, { continue_on_error: true }]) {
      const modules = [script("a", { suspend: { required_events: 1 }, ...options }), script("b")];
      const runs: Setting["runs"] = ({ step }) => ({ success: step === "b" });
      expect(new Driver({ flow: { modules }, runs, exprs: { yes: () => true } }).drain().end?.status).toBe("success");
    }
    expect(gated({ required_events: 0 }).drain().end?.status).toBe("success");
    expect(gated({}).drain().end?.status).toBe("success");
  });

  test("is given up when the flow is cancelled", () => {
    const driver = gated({ required_events: 1, user_auth_required: true });
    driver.runOne();
    driver.send({ type: "cancel", at: driver.now, by: "u/me", reason: null });
    expect(driver.effects.map(({ kind }) => kind).slice(-3)).toEqual(["unsuspend", "cancel", "complete"]);
    expect(driver.status.modules[1]?.type).toBe("Failure");
    expect(driver.status.approval_conditions).toBeUndefined();
    expect(resume(driver, 1)).toBe(false);
  });
});
