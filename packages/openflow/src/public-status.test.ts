import { expect, test } from "vitest";
import { Driver, loop, script } from "./driver.fixture.ts";
import { publicStatus } from "./public-status.ts";
import { ownResult } from "./scope.ts";

const flow = { modules: [script("a"), loop("l", [1, 2], [script("p")]), script("b")] };

test("the status of a -> loop(2) -> b is Windmill's at every moment", () => {
  const driver = new Driver({ flow });
  const types = (): unknown[] => (driver.shown()["modules"] as { type: string }[]).map(({ type }) => type);
  const waiting = "WaitingForPriorSteps";
  expect(driver.shown()).toMatchObject({ step: 0, failure_module: { type: waiting, id: "failure" } });
  expect(types()).toEqual(["WaitingForExecutor", waiting, waiting]);
  const [a] = driver.flow().children;
  const begun = driver.flow().children.map((row) => ({ ...row, startedAt: "2026-01-01T00:00:00Z" }));
  expect(publicStatus(driver.status, begun)["modules"]).toMatchObject([
    { type: "InProgress", id: "a", job: a?.job },
    {},
    {},
  ]);
  driver.runOne();
  expect(types()).toEqual(["Success", "InProgress", waiting]);
  expect(driver.shown()).toMatchObject({ step: 1 });
  const jobs = (): string[] => driver.flow().children.flatMap(({ step, job }) => (step === "l" ? [job] : []));
  const inLoop = {
    iterator: { index: 0, itered_len: 2 },
    flow_jobs_success: [null],
    parallel: false,
    while_loop: false,
  };
  expect(driver.shown()["modules"]).toMatchObject([{}, { job: jobs()[0], flow_jobs: jobs(), ...inLoop }, {}]);
  driver.runOne();
  expect(driver.shown()["modules"]).toMatchObject([
    {},
    { job: jobs()[1], flow_jobs: jobs(), iterator: { index: 1 }, flow_jobs_success: [true, null] },
    {},
  ]);
  driver.runOne();
  expect(types()).toEqual(["Success", "Success", "WaitingForExecutor"]);
  expect(driver.shown()["modules"]).toMatchObject([
    { approvers: [], failed_retries: [], skipped: false },
    { flow_jobs: jobs(), flow_jobs_success: [true, true], flow_jobs_duration: { started_at: [null, null] } },
    {},
  ]);
  driver.drain();
  expect(driver.shown()).toMatchObject({ step: 3 });
  expect(JSON.stringify(driver.shown())).not.toMatch(/engine|attempt|children|progress/);
});

test("a step without children has no list of them", () => {
  const driver = new Driver({ flow }).drain();
  expect((driver.shown()["modules"] as object[])[0]).not.toHaveProperty("flow_jobs");
});

test("shows the preprocessor, the handler and whom it is for", () => {
  const driver = new Driver({
    flow: { modules: [script("a")], preprocessor_module: script("pre"), failure_module: script("failure") },
    preprocess: true,
    runs: ({ step }) => ({ success: step === "pre" }),
  }).drain();
  expect(driver.shown()).toMatchObject({
    preprocessor_module: { type: "Success", id: "pre" },
    failure_module: { type: "Failure", id: "failure", parent_module: "a" },
    modules: [{ type: "Failure", id: "a" }],
  });
  expect(driver.shown()["failure_module"]).not.toHaveProperty("approvers");
});

test("a waiting step shows what it waits for", () => {
  const driver = new Driver({ flow: { modules: [script("a", { suspend: { required_events: 1 } }), script("b")] } });
  driver.runOne();
  const job = driver.calls[0]?.job;
  expect(driver.shown()["modules"]).toEqual([expect.anything(), { type: "WaitingForEvents", id: "b", count: 1, job }]);
});

test("results are found by the id of the step", () => {
  const driver = new Driver({ flow });
  expect(ownResult(driver.status, "a")).toBeNull();
  expect(ownResult(driver.status, "b")).toBeNull();
  expect(ownResult(driver.status, "nobody")).toBeNull();
  driver.runOne();
  expect(ownResult(driver.status, "a")).toMatchObject({ from: "job" });
  expect(ownResult(driver.status, "l")).toEqual({ from: "children", step: "l", attempt: 0 });
});
