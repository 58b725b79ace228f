import type { FlowStatus, InProgress, ModuleStatus } from "./status.ts";

/** A child of a flow, as the driver's table has it. */
export interface ChildRow {
  job: string;
  step: string;
  iteration: number | null;
  attempt: number;
  /** Null while it has not ended. */
  success: boolean | null;
  /** ISO 8601; null = it was not begun yet. */
  startedAt: string | null;
  durationMs: number | null;
}

/**
 * `flow_status` as Windmill's clients read it: the stored status with the lists of children, and with `InProgress` for a
 * step whose job has begun. Lists are absent, not null, for steps that have no children.
 * @param children all children of this flow job, in any order
 */
export function publicStatus(status: FlowStatus, children: readonly ChildRow[]): Record<string, unknown> {
  const { engine: _, ...told } = status;
  const byStep = new Map<string, ChildRow[]>();
  for (const child of children) {
    const rows = byStep.get(child.step);
    if (rows) rows.push(child);
    else byStep.set(child.step, [child]);
  }
  const show = (module: ModuleStatus): Record<string, unknown> => publicModule(module, byStep.get(module.id) ?? []);
  const { parent_module } = status.failure_module;
  return {
    ...told,
    modules: status.modules.map(show),
    failure_module: { ...show(status.failure_module), ...(parent_module !== undefined && { parent_module }) },
    ...(status.preprocessor_module && { preprocessor_module: show(status.preprocessor_module) }),
  };
}

function publicModule(module: ModuleStatus, rows: ChildRow[]): Record<string, unknown> {
  const { type, id } = module;
  if (type === "WaitingForPriorSteps") return { type, id };
  if (type === "WaitingForEvents") return { type, id, count: module.count, job: module.job };
  const children = rows.flatMap(({ iteration, ...row }) =>
    row.attempt === module.attempt && iteration !== null ? [{ ...row, iteration }] : [],
  );
  const told = {
    id,
    job: module.job,
    ...(module.branch_chosen && { branch_chosen: module.branch_chosen }),
    ...(module.children !== undefined && listsOf(children)),
  };
  if (type === "WaitingForExecutor") {
    const hasBegun = rows.some(({ job, startedAt }) => job === module.job && startedAt !== null);
    return hasBegun
      ? { type: "InProgress", ...told, parallel: false, while_loop: false }
      : { type, id, job: module.job };
  }
  if (type === "InProgress") return { type, ...told, ...positionOf(module) };
  return {
    type,
    ...told,
    failed_retries: module.failed_retries,
    skipped: module.skipped,
    ...(type === "Success" && { approvers: module.approvers }),
  };
}

function positionOf(module: InProgress): Record<string, unknown> {
  return {
    ...(module.iterator && { iterator: module.iterator }),
    ...(module.branchall && { branchall: module.branchall }),
    parallel: module.parallel === true,
    while_loop: module.while_loop === true,
  };
}

function listsOf(children: (ChildRow & { iteration: number })[]): Record<string, unknown> {
  const sorted = children.toSorted((a, b) => a.iteration - b.iteration);
  return {
    flow_jobs: sorted.map(({ job }) => job),
    flow_jobs_success: sorted.map(({ success }) => success),
    flow_jobs_duration: {
      started_at: sorted.map(({ startedAt }) => startedAt),
      duration_ms: sorted.map(({ durationMs }) => durationMs),
    },
  };
}
