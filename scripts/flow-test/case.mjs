// One case of a flow test: run the flow, answer its approvals, compare what came of it.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const defaultSeconds = 60;

/** Every step of a flow, those inside loops and branches too. */
function* steps(value) {
  for (const module of [...(value.modules ?? []), value.failure_module, value.preprocessor_module]) {
    if (!module) continue;
    yield module;
    const inner = module.value ?? {};
    yield* steps({ modules: [...(inner.modules ?? []), ...(inner.default ?? [])] });
    for (const branch of inner.branches ?? []) yield* steps(branch);
  }
}

/** The flow with the steps of `mocks` answering what is written there instead of running. */
function withMocks(value, mocks) {
  const mocked = structuredClone(value);
  const left = new Map(Object.entries(mocks ?? {}));
  for (const module of steps(mocked)) {
    if (!left.has(module.id)) continue;
    module.mock = { enabled: true, return_value: left.get(module.id) };
    left.delete(module.id);
  }
  if (left.size > 0) throw new Error(`mocks: the flow has no step ${[...left.keys()].join(", ")}`);
  return mocked;
}

/** The step whose approval the flow waits for now. */
function waitsBehind({ flow_status: status }) {
  const at = status?.modules.findIndex(({ type }) => type === "WaitingForEvents") ?? -1;
  return at > 0 ? status.modules[at - 1].id : null;
}

/** Follows a run to its end and answers what it waits for. @returns the ended job */
async function follow(api, id, { approvals, seconds }) {
  const left = [...(approvals ?? [])];
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const job = await api.job(id);
    if (job.type === "CompletedJob") return job;
    const step = waitsBehind(job);
    const answer = step === null ? -1 : left.findIndex((each) => each.step === step);
    if (answer >= 0) await api.answer(id, left.splice(answer, 1)[0]);
    else if (step !== null) throw new Error(`waits for an approval of step ${step}, and the case has none`);
    if (performance.now() > deadline) throw new Error(`did not end within ${seconds} s (job ${id})`);
    await sleep(100);
  }
}

/** Differences between what is expected and what is; objects may have more members than expected. */
function differences(expected, found, where) {
  const told = `${where}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`;
  if (Array.isArray(expected)) {
    if (!Array.isArray(found) || found.length !== expected.length) return [told];
    return expected.flatMap((item, index) => differences(item, found[index], `${where}[${index}]`));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof found !== "object" || found === null || Array.isArray(found)) return [told];
    return Object.entries(expected).flatMap(([key, part]) => differences(part, found[key], `${where}.${key}`));
  }
  return Object.is(expected, found) ? [] : [told];
}

function statusOf({ success, canceled, is_skipped }) {
  if (canceled) return "canceled";
  return is_skipped ? "skipped" : success ? "success" : "failure";
}

function moduleOf({ flow_status: status }, id) {
  const { modules, failure_module, preprocessor_module } = status;
  return [...modules, failure_module, preprocessor_module].find((module) => module?.id === id);
}

function stepOf(job, id) {
  const module = moduleOf(job, id);
  return module?.skipped ? "skipped" : module?.type;
}

function compare(expect, job, answer) {
  const problems = differences(expect.status ?? "success", statusOf(job), "status");
  if ("result" in expect) problems.push(...differences(expect.result, job.result, "result"));
  if ("answer" in expect) problems.push(...differences(expect.answer, answer, "answer"));
  for (const [id, state] of Object.entries(expect.steps ?? {})) {
    problems.push(...differences(state, stepOf(job, id), `step ${id}`));
  }
  for (const [id, count] of Object.entries(expect.retries ?? {})) {
    problems.push(...differences(count, moduleOf(job, id)?.failed_retries?.length, `retries of step ${id}`));
  }
  return problems;
}

/** @returns sentences about what did not go as expected */
export async function runCase(api, { value, path, each }) {
  const { name: _, args = {}, mocks, approvals, seconds = defaultSeconds, expect } = each;
  const id = randomUUID();
  const preview = { value: withMocks(value, mocks), path, args };
  let answer;
  if ("answer" in expect) {
    const { status, text } = await api.wait(id, preview);
    if (status >= 500) throw new Error(`answer: ${status} ${text}`);
    answer = JSON.parse(text);
  } else {
    await api.start(id, preview);
  }
  const job = await follow(api, id, { approvals, seconds });
  return compare(expect, job, answer);
}
