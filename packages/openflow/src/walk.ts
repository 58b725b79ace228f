import type { FlowModule, FlowValue, InputTransform } from "./flow-value.ts";

/** Lists of modules inside a module, with the field each is in. */
export function bodiesOf({ value }: FlowModule): { field: string; modules: FlowModule[] }[] {
  switch (value.type) {
    case "forloopflow":
    case "whileloopflow":
      return [{ field: "value.modules", modules: value.modules }];
    case "branchone":
      return [
        ...value.branches.map(({ modules }, index) => ({ field: `value.branches.${index}.modules`, modules })),
        { field: "value.default", modules: value.default },
      ];
    case "branchall":
      return value.branches.map(({ modules }, index) => ({ field: `value.branches.${index}.modules`, modules }));
    default:
      return [];
  }
}

/** Every module of a flow, outer ones first, the handler and the preprocessor last. */
export function modulesIn(flow: FlowValue): FlowModule[] {
  const inside = (modules: FlowModule[]): FlowModule[] =>
    modules.flatMap((module) => [module, ...bodiesOf(module).flatMap((body) => inside(body.modules))]);
  return [
    ...inside(flow.modules),
    ...(flow.failure_module ? [flow.failure_module] : []),
    ...(flow.preprocessor_module ? [flow.preprocessor_module] : []),
  ];
}

export interface Expression {
  field: string;
  expr: string;
}

/** The expressions of a step itself, not of the steps inside it. */
export function expressionsOf(module: FlowModule): Expression[] {
  const { value } = module;
  const predicates: [string, { expr: string } | null | undefined][] = [
    ["stop_after_if.expr", module.stop_after_if],
    ["stop_after_all_iters_if.expr", module.stop_after_all_iters_if],
    ["skip_if.expr", module.skip_if],
    ["retry.retry_if.expr", module.retry?.retry_if],
  ];
  if (value.type === "branchone")
    predicates.push(
      ...value.branches.map((branch, index): [string, { expr: string }] => [`value.branches.${index}.expr`, branch]),
    );
  const transforms: [string, InputTransform | number | null | undefined][] = [
    ["sleep", module.sleep],
    ["timeout", module.timeout],
    ["suspend.user_groups_required", module.suspend?.user_groups_required],
  ];
  if (value.type === "forloopflow")
    transforms.push(["value.iterator", value.iterator], ["value.parallelism", value.parallelism]);
  if (value.type === "rawscript" || value.type === "script" || value.type === "flow")
    for (const [name, transform] of Object.entries(value.input_transforms ?? {}))
      transforms.push([`value.input_transforms.${name}`, transform]);
  return [
    ...predicates.flatMap(([field, rule]) => (rule == null ? [] : [{ field, expr: rule.expr }])),
    ...transforms.flatMap(([field, transform]) =>
      typeof transform === "object" && transform?.type === "javascript" ? [{ field, expr: transform.expr }] : [],
    ),
  ];
}
