import type { Import } from "../signature.ts";
import { parseSource } from "./source.ts";

/** The modules a file imports at run time: imports and exports of types alone are left out. */
export function importsOf(content: string): Import[] {
  const parsed = parseSource(content);
  if ("invalid" in parsed) return [];
  const { staticImports, staticExports, dynamicImports } = parsed.module;
  const found: Import[] = [];
  for (const { moduleRequest, entries } of staticImports) {
    if (entries.length > 0 && entries.every(({ isType }) => isType)) continue;
    const names = entries.map(({ importName }) => importName.name).filter((name) => name !== null);
    found.push({ module: moduleRequest.value, names });
  }
  for (const { entries } of staticExports) {
    for (const { moduleRequest, isType, importName } of entries) {
      if (moduleRequest === null || isType) continue;
      found.push({ module: moduleRequest.value, names: importName.name === null ? [] : [importName.name] });
    }
  }
  for (const { moduleRequest } of dynamicImports) {
    const literal = /^(["'`])([^"'`\\$]+)\1$/.exec(content.slice(moduleRequest.start, moduleRequest.end));
    if (literal?.[2] !== undefined) found.push({ module: literal[2], names: [] });
  }
  for (const statement of parsed.program.body) {
    if (statement.type !== "TSImportEqualsDeclaration" || statement.importKind === "type") continue;
    const { moduleReference } = statement;
    if (moduleReference.type !== "TSExternalModuleReference") continue;
    found.push({ module: moduleReference.expression.value, names: [] });
  }
  return found;
}
