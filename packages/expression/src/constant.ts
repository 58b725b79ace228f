import type { Expression } from "acorn";

/** The JSON value of an expression that always has the same, undefined if it may not. */
export function constantOf(node: Expression): { value: unknown } | undefined {
  switch (node.type) {
    case "Literal":
      return node.regex || node.bigint ? undefined : { value: node.value };
    case "UnaryExpression": {
      const inner = node.operator === "-" && node.argument.type === "Literal" ? node.argument.value : null;
      return typeof inner === "number" && inner !== 0 ? { value: -inner } : undefined;
    }
    case "TemplateLiteral": {
      const [only] = node.quasis;
      return node.expressions.length === 0 && typeof only?.value.cooked === "string"
        ? { value: only.value.cooked }
        : undefined;
    }
    case "ParenthesizedExpression":
      return constantOf(node.expression);
    case "ArrayExpression": {
      const values: unknown[] = [];
      for (const element of node.elements) {
        const constant = element && element.type !== "SpreadElement" ? constantOf(element) : undefined;
        if (constant === undefined) return undefined;
        values.push(constant.value);
      }
      return { value: values };
    }
    case "ObjectExpression": {
      const values: Record<string, unknown> = {};
      for (const property of node.properties) {
        if (property.type === "SpreadElement" || property.computed || property.kind !== "init") return undefined;
        const key =
          property.key.type === "Identifier"
            ? property.key.name
            : property.key.type === "Literal"
              ? String(property.key.value)
              : null;
        const constant = constantOf(property.value);
        if (key === null || key === "__proto__" || constant === undefined) return undefined;
        values[key] = constant.value;
      }
      return { value: values };
    }
    default:
      return undefined;
  }
}
