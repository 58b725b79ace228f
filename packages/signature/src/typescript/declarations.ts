import type {
  Declaration,
  Function as FunctionNode,
  Program,
  Statement,
  TSInterfaceDeclaration,
  TSType,
} from "oxc-parser";

/** The top-level declarations of a file that a signature needs; of several with one name the last counts. */
export type Declarations = {
  functions: Map<string, FunctionNode>;
  aliases: Map<string, TSType>;
  interfaces: Map<string, TSInterfaceDeclaration>;
};

/** Collects the declarations of a file, exported or not. */
export function declarationsOf(program: Program): Declarations {
  const found: Declarations = { functions: new Map(), aliases: new Map(), interfaces: new Map() };
  for (const statement of program.body) {
    const declaration = declared(statement);
    switch (declaration?.type) {
      case "FunctionDeclaration":
      case "TSDeclareFunction":
        if (declaration.id !== null) found.functions.set(declaration.id.name, declaration);
        break;
      case "TSTypeAliasDeclaration":
        found.aliases.set(declaration.id.name, declaration.typeAnnotation);
        break;
      case "TSInterfaceDeclaration":
        found.interfaces.set(declaration.id.name, declaration);
        break;
      default:
    }
  }
  return found;
}

/** The declaration a statement is or exports by name. */
export function declared(statement: Statement): Declaration | Statement | null {
  return statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
}
