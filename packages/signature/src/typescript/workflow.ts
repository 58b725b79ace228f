import type { Expression, ParamPattern, Program } from "oxc-parser";
import { declared } from "./declarations.ts";

/**
 * The parameters of a workflow written as code: `export const main = workflow(async (..) => ..)` or
 * `export default workflow(..)`; null where a file has none. Other spellings are not recognised, as in the official
 * parser: a named function, another declaration beside it, a type annotation, destructured parameters.
 */
export function workflowParameters(program: Program): readonly ParamPattern[] | null {
  for (const statement of program.body) {
    if (statement.type === "ExportDefaultDeclaration") {
      const found = readCall(statement.declaration.type === "CallExpression" ? statement.declaration : null);
      if (found !== null) return found;
    }
    const declaration = declared(statement);
    if (declaration?.type !== "VariableDeclaration" || declaration.declarations.length !== 1) continue;
    const [declarator] = declaration.declarations;
    if (declarator?.id.type !== "Identifier" || declarator.id.name !== "main" || declarator.id.typeAnnotation) continue;
    const found = readCall(declarator.init);
    if (found !== null) return found;
  }
  return null;
}

function readCall(node: Expression | null): readonly ParamPattern[] | null {
  if (node?.type !== "CallExpression" || node.callee.type !== "Identifier" || node.callee.name !== "workflow")
    return null;
  const [body] = node.arguments;
  const isFunction =
    body?.type === "ArrowFunctionExpression" || (body?.type === "FunctionExpression" && body.id === null);
  if (!isFunction) return null;
  const named = body.params.every((param) => {
    if (param.type === "AssignmentPattern") return param.left.type === "Identifier";
    return param.type === "Identifier";
  });
  return named ? body.params : null;
}
