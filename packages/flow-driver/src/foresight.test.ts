import { setImmediate as nextTurn } from "node:timers/promises";
import { createEvaluator, type Evaluator } from "@towermill/expression";
import { initialStatus, readFlow, type FlowModule, type InputTransform } from "@towermill/openflow";
import { claimedFrom, createDispatcher, newJobId, type ClaimedJob, type Completion } from "@towermill/queue";
import { openBus } from "@towermill/store";
import { testDatabase, whenDone } from "@towermill/testkit";
import { expect, test } from "vitest";
import { createDeployedFlows } from "./deployed.ts";
import { createDrive, drive, type DriveContext } from "./drive.ts";
import type { Entry, Pending } from "./entry.ts";
import { createForesight, type Foresight } from "./foresight.ts";
import { createTextCache } from "./memory.ts";
import { createRuns, type FlowJob, type Stored } from "./run.ts";
import type { Slot } from "./slot.ts";

const { db, url } = await testDatabase();
const bus = await openBus({ url });
const evaluator: Evaluator = createEvaluator({ threads: 1 });
whenDone(async () => {
  await evaluator.close();
  await bus.close();
});
const dispatcher = createDispatcher({ db, bus });

const member = {
  workspace: "admins",
  email: "alice@example.com",
  username: "alice",
  isAdmin: true,
  isOperator: false,
  groups: [],
  foldersRead: [],
  foldersWrite: [],
  foldersOwned: [],
};
const nothing = <Part extends object>(): Part => Object.create(null) as Part;

interface Scene {
  foresight: Foresight;
  ctx: DriveContext;
  /** The first step of the flow, as it begins to run. */
  step: ClaimedJob;
  slot: Slot & { open: boolean };
  clock: { now: number };
  /** How often a result was asked for. */
  asked(): number;
  flow: string;
}

/** A flow of two steps whose first one runs. */
async function begun(input: InputTransform): Promise<Scene> {
  const step = (id: string, transform: InputTransform): FlowModule => ({
    id,
    value: { type: "rawscript", language: "bun", content: "x", lock: "", input_transforms: { n: transform } },
  });
  const flow = readFlow({ modules: [step("a", { type: "static", value: 1 }), step("b", input)] });
  const deployed = createDeployedFlows({ db, bus });
  const statuses = new Map<string, Stored>();
  const texts = createTextCache(10_000);
  let asked = 0;
  const ctx: DriveContext = {
    db,
    vault: nothing(),
    evaluator,
    deployed,
    runnables: nothing(),
    rules: async () => ({ custom: [], perWorkspace: false, served: new Set() }),
    runs: createRuns({ db, deployed }),
    recent: { ...texts, get: (key) => ((asked += 1), texts.get(key)) },
    statuses,
    statusOf: (id) => statuses.get(id),
    maxIterations: undefined,
  };
  const job: FlowJob = {
    id: newJobId(),
    workspace: "admins",
    kind: "flowpreview",
    createdBy: "alice",
    permissionedAs: "u/alice",
    member,
    tag: "flow",
    args: '{"x":[1,2]}',
    path: "u/alice/flow",
    hash: null,
    rawFlow: null,
    parentJob: null,
    rootJob: null,
    triggerKind: null,
    triggerPath: null,
    priority: null,
    cacheTtlSeconds: null,
    concurrencyKey: null,
    visibleToOwner: true,
    options: {},
    scheduledFor: null,
  };
  ctx.runs.remember({ job, flow, version: null });
  statuses.set(job.id, { status: initialStatus(flow), revision: 0 });
  const work = createDrive(ctx);
  work.events.push({ flowJob: job.id, event: { type: "start", at: Date.now() } });
  await drive(work);
  const status = work.states.get(job.id)?.status ?? initialStatus(flow);
  statuses.set(job.id, { status, revision: status.engine.revision });
  const [first] = work.plan.jobs;
  if (!first) throw new Error("no step was pushed");
  const slot = { worker: "w", open: true, serves: () => slot.open, tags: () => [], goOn: () => undefined };
  const clock = { now: 0 };
  return {
    foresight: createForesight({ ctx, dispatcher, now: () => clock.now }),
    ctx,
    step: claimedFrom(first.job, { scheduledFor: new Date(), secret: "s" }),
    slot,
    clock,
    asked: () => asked,
    flow: job.id,
  };
}

function pending(entry: Entry): Pending {
  return { entry, broken: null, done: () => undefined, fail: () => undefined };
}

function endOf({ step, slot }: Scene, end: Partial<Completion> = {}): Pending {
  const completion: Completion = { id: step.id, attempt: step.attempt, status: "success", result: "7", ...end };
  return pending({ kind: "end", job: step, completion, slot });
}

async function foreseen(scene: Scene): Promise<Scene> {
  scene.foresight.expect(scene.step, scene.slot);
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  return scene;
}

const plain: InputTransform = { type: "javascript", expr: "flow_input.x[1]" };

test("the step that follows a success is planned for the same slot while the step runs", async () => {
  const scene = await foreseen(await begun(plain));
  const found = scene.foresight.take([endOf(scene)]);
  expect(found?.work.plan).toMatchObject({
    ends: [{ id: scene.step.id, status: "success", result: "7" }],
    jobs: [{ state: "claimed", worker: "w", job: { flowStepId: "b", args: '{"n":2}' } }],
    flows: [{ id: scene.flow, from: 1, to: 2 }],
  });
  // once
  expect(scene.foresight.take([endOf(scene)])).toBeNull();
});

test.each([
  ["the result of the step", "results.a"],
  ["the result of the step before", "previous_result"],
  ["a script, which may look at the clock", "Date.now()"],
  ["a secret", "variable('u/alice/secret')"],
])("what asks for %s waits for its time", async (_, expr) => {
  const scene = await foreseen(await begun({ type: "javascript", expr }));
  expect(scene.foresight.take([endOf(scene)])).toBeNull();
});

test.each<[string, (scene: Scene) => readonly Pending[]]>([
  ["the step failed", (scene) => [endOf(scene, { status: "failure", result: '{"error":{}}' })]],
  ["it was cancelled", (scene) => [endOf(scene, { status: "canceled" })]],
  ["it says that the flow recovers", (scene) => [endOf(scene, { result: '{"recover":true}' })]],
  ["the slot is not there any more", (scene) => ((scene.slot.open = false), [endOf(scene)])],
  ["the end comes from another slot", (scene) => [endOf({ ...scene, slot: { ...scene.slot } })]],
  ["the flow was moved meanwhile", (scene) => (scene.ctx.statuses.delete(scene.flow), [endOf(scene)])],
  ["it took too long", (scene) => ((scene.clock.now = 1001), [endOf(scene)])],
  [
    "something else happened with it",
    (scene) => [
      endOf(scene),
      pending({ kind: "event", flowJob: scene.flow, event: { type: "timeout", at: 0 }, resume: null }),
    ],
  ],
  ["it could not be written before", (scene) => [{ ...endOf(scene), broken: { name: "E", message: "m" } }]],
])("what was foreseen is not used when %s", async (_, happens) => {
  const scene = await foreseen(await begun(plain));
  expect(scene.foresight.take(happens(scene))).toBeNull();
});

test("a place whose future is never to be told is looked at seldom", async () => {
  const scene = await begun({ type: "javascript", expr: "results.a" });
  for (let times = 0; times < 60; times += 1) await foreseen(scene);
  expect(scene.asked()).toBe(4);
});

test("nothing is foreseen where several flows move at once", async () => {
  const scene = await begun(plain);
  const others = [createDrive(scene.ctx), createDrive(scene.ctx)];
  for (const work of others) scene.foresight.writing(work);
  await foreseen(scene);
  expect(scene.foresight.take([endOf(scene)])).toBeNull();
  for (const work of others) scene.foresight.written(work);
  await foreseen(scene);
  expect(scene.foresight.take([endOf(scene)])).not.toBeNull();
});
