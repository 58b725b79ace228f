import * as fc from "fast-check";
import { simpleStep } from "./body.ts";
import { loop, script, type Setting } from "./driver.fixture.ts";
import type { FlowModule, FlowValue } from "./flow-value.ts";
import { withIter } from "./iter.ts";

/** What a flow should come to, told by plain recursion: the measure for `advance`. */
export interface Fate {
  success: boolean;
  result: unknown;
  stopped: boolean;
  handled: boolean;
}

export const error = { error: { message: "boom" } };

export const exprs: NonNullable<Setting["exprs"]> = {
  yes: () => true,
  no: () => false,
  iter: ({ flow_input }) => flow_input["iter"] ?? null,
};

/** A step called `fail…` always fails, one called `flaky…` the first time. */
export const runs: NonNullable<Setting["runs"]> = ({ step, args, attempt }) =>
  step.startsWith("fail") || (step.startsWith("flaky") && attempt === 0)
    ? { success: false, result: error }
    : { result: [step, (args["x"] as { value?: unknown } | null)?.value ?? null] };

export function fateOf(flow: FlowValue, modules: FlowModule[], args: Record<string, unknown>): Fate {
  let result: unknown = args;
  for (const module of modules) {
    if (module.skip_if?.expr === "yes") continue;
    const fate = fateOfStep(flow, module, { args, previous: result });
    result = fate.result;
    if (!fate.success && module.continue_on_error !== true) {
      if (flow.failure_module == null || fate.handled) return { ...fate, stopped: false };
      return { success: false, result: ["handler", null], stopped: false, handled: true };
    }
    const isContainer = module.value.type === "forloopflow" || module.value.type === "branchall";
    const stops = fate.success && !isContainer && module.stop_after_if?.expr === "yes";
    if (fate.success && (fate.stopped || stops)) return { success: true, result, stopped: true, handled: false };
  }
  return { success: true, result, stopped: false, handled: false };
}

interface Around {
  args: Record<string, unknown>;
  previous: unknown;
}

function fateOfStep(flow: FlowValue, module: FlowModule, { args, previous }: Around): Fate {
  const { value, id } = module;
  const good = { success: true, stopped: false, handled: false };
  switch (value.type) {
    case "identity":
      return { ...good, result: previous };
    case "forloopflow": {
      const items = value.iterator.type === "static" ? (value.iterator.value as unknown[]) : [];
      const inner = simpleStep(flow, value) !== null ? { ...flow, failure_module: null } : flow;
      const bodies = items.map(
        (item, index) => () => fateOf(inner, value.modules, withIter(args, { index, value: item })),
      );
      if (value.modules.length === 0) return { ...good, result: [] };
      const tolerates = (): boolean => value.skip_failures === true;
      return { ...fateOfAll(bodies, { parallel: value.parallel === true, tolerates }), stopped: false };
    }
    case "branchall": {
      const bodies = value.branches.map(
        ({ modules }) =>
          () =>
            fateOf(flow, modules, args),
      );
      const tolerates = (index: number): boolean => value.branches[index]?.skip_failure === true;
      return fateOfAll(bodies, { parallel: value.parallel !== false, tolerates });
    }
    case "branchone": {
      const modules = value.branches.find(({ expr }) => expr === "yes")?.modules ?? value.default;
      return modules.length === 0 ? { ...good, result: previous } : fateOf(flow, modules, args);
    }
    default: {
      const fails = id.startsWith("fail") || (id.startsWith("flaky") && module.retry == null);
      const iter = args["iter"] as { value: unknown } | undefined;
      return fails ? { ...good, success: false, result: error } : { ...good, result: [id, iter?.value ?? null] };
    }
  }
}

function fateOfAll(
  bodies: (() => Fate)[],
  { parallel, tolerates }: { parallel: boolean; tolerates: (index: number) => boolean },
): Fate {
  const all: Fate = { success: true, result: [], stopped: false, handled: false };
  const results: unknown[] = [];
  for (const [index, body] of bodies.entries()) {
    const fate = body();
    results.push(fate.result);
    if (!fate.success && !tolerates(index)) {
      all.success = false;
      all.handled ||= fate.handled;
      if (!parallel) break;
    }
    if (fate.success && fate.stopped && !parallel) {
      all.stopped = true;
      break;
    }
  }
  return { ...all, result: results };
}

const options = fc.record(
  {
    continue_on_error: fc.boolean(),
    skip_if: fc.constantFrom({ expr: "yes" }, { expr: "no" }, { expr: "no" }),
    stop_after_if: fc.constantFrom({ expr: "yes" }, { expr: "no" }, { expr: "no" }),
    retry: fc.constant({ constant: { attempts: 1, seconds: 1 } }),
    sleep: fc.constant({ type: "static" as const, value: 1 }),
  },
  { requiredKeys: [] },
);
const leaf = fc
  .tuple(fc.constantFrom("ok", "ok", "ok", "flaky", "fail"), options)
  .map(([id, more]) => script(id, more, { x: "iter" }));
const identity = fc.constant<FlowModule>({ id: "identity", value: { type: "identity" } });
const containerOptions = options.map(({ continue_on_error, skip_if }): Partial<FlowModule> => ({
  continue_on_error,
  skip_if,
}));

const modulesWithin = fc.letrec<{ modules: FlowModule[] }>((tie) => ({
  modules: fc.array(
    fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      leaf,
      identity,
      fc
        .record({
          items: fc.array(fc.nat(9), { maxLength: 4 }),
          modules: tie("modules"),
          parallel: fc.boolean(),
          parallelism: fc.constantFrom(null, 1, 2),
          skip_failures: fc.boolean(),
          more: containerOptions,
        })
        .map(({ items, modules, more, ...rest }) => loop("loop", items, modules, { ...more, loop: rest })),
      fc
        .record({
          exprs: fc.array(fc.constantFrom("yes", "no"), { maxLength: 2 }),
          modules: tie("modules"),
          default: tie("modules"),
          more: containerOptions,
        })
        .map(({ exprs: all, modules, default: otherwise, more }): FlowModule => {
          const branches = all.map((expr) => ({ expr, modules }));
          return { id: "one", value: { type: "branchone", branches, default: otherwise }, ...more };
        }),
      fc
        .record({
          branches: fc.array(fc.record({ modules: tie("modules"), skip_failure: fc.boolean() }), { maxLength: 3 }),
          parallel: fc.boolean(),
          more: containerOptions,
        })
        .map(({ branches, parallel, more }): FlowModule => ({
          id: "all",
          value: { type: "branchall", branches, parallel },
          ...more,
        })),
    ),
    { maxLength: 3 },
  ),
}));

/** Any flow, with ids that are unique. */
export const anyFlow = fc
  .record({ modules: modulesWithin.modules, handled: fc.boolean() })
  .map(({ modules, handled }): FlowValue => {
    let count = 0;
    const rename = (list: FlowModule[]): FlowModule[] =>
      list.map((module) => ({ ...module, id: `${module.id}${count++}`, value: renameIn(module.value, rename) }));
    return { modules: rename(modules), ...(handled && { failure_module: script("handler") }) };
  });

function renameIn(value: FlowModule["value"], rename: (list: FlowModule[]) => FlowModule[]): FlowModule["value"] {
  if (value.type === "forloopflow") return { ...value, modules: rename(value.modules) };
  if (value.type === "branchall")
    return { ...value, branches: value.branches.map((branch) => ({ ...branch, modules: rename(branch.modules) })) };
  if (value.type !== "branchone") return value;
  const branches = value.branches.map((branch) => ({ ...branch, modules: rename(branch.modules) }));
  return { ...value, branches, default: rename(value.default) };
}
