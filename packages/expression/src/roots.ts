import type { AnyNode, Expression, MemberExpression, Node } from "acorn";
import type { Compiled, Root } from "./compiled.ts";

/** The names an expression reads, and of each the properties. */
export function readsOf(tree: Node): Pick<Compiled, "roots" | "steps"> {
  const roots = new Map<string, Set<string> | null>();
  const steps = new Map<string, { line: number; column: number }>();
  const open: (AnyNode & { asRoot?: never })[] = [tree as AnyNode];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === "Identifier") roots.set(node.name, null);
    else if (node.type === "MemberExpression" && node.object.type === "Identifier") {
      const { name } = node.object;
      const key = keyOf(node);
      if (key === null) roots.set(name, null);
      else {
        addKey(roots, name, key);
        if (name === "results" && !steps.has(key)) {
          const start = node.loc?.start ?? { line: 1, column: 0 };
          steps.set(key, { line: start.line, column: start.column + 1 });
        }
      }
      if (node.computed) open.push(node.property as AnyNode);
    } else open.push(...childrenOf(node).toReversed());
  }
  return {
    roots: Array.from(roots, ([name, keys]): Root => ({ name, keys: keys && [...keys] })),
    steps: Array.from(steps, ([id, place]) => ({ id, ...place })).toSorted(
      (a, b) => a.line - b.line || a.column - b.column,
    ),
  };
}

/** The name and keys of a plain walk such as `results.a["b"][0]?.c`, null for anything else. */
export function pathOf(node: Expression): { root: string; keys: string[] } | null {
  const keys: string[] = [];
  for (let at: AnyNode = node; ;) {
    if (at.type === "Identifier") return { root: at.name, keys: keys.toReversed() };
    if (at.type === "ChainExpression" || at.type === "ParenthesizedExpression") at = at.expression;
    else if (at.type === "MemberExpression") {
      const key = keyOf(at);
      if (key === null) return null;
      keys.push(key);
      at = at.object;
    } else return null;
  }
}

function addKey(roots: Map<string, Set<string> | null>, name: string, key: string): void {
  const keys = roots.get(name);
  if (keys === undefined) roots.set(name, new Set([key]));
  else keys?.add(key);
}

function keyOf({ computed, property }: MemberExpression): string | null {
  if (!computed) return property.type === "Identifier" ? property.name : null;
  if (property.type !== "Literal") return null;
  const { value } = property;
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

/** The nodes inside a node that may read names: keys that are only names are left out. */
function childrenOf(node: AnyNode): AnyNode[] {
  const isKeyed = node.type === "Property" || node.type === "MethodDefinition" || node.type === "PropertyDefinition";
  const skipped =
    (isKeyed && !node.computed && "key") || (node.type === "MemberExpression" && !node.computed && "property");
  return Object.entries(node)
    .filter(([field]) => field !== skipped)
    .flatMap(([, value]: [string, unknown]) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

function isNode(value: unknown): value is AnyNode {
  return (
    typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value
  );
}
