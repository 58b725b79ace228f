import type { SyntaxNode } from "@lezer/common";
import { findFunction, type FunctionHead } from "./source.ts";
import { children, hasErrors, parsePiece, text, type Piece } from "./tree.ts";

/** One parameter as written. `star` is 1 for `*args`, 2 for `**kwargs`. */
export type WrittenParameter = {
  name: string;
  star: 0 | 1 | 2;
  annotation: SyntaxNode | null;
  fallback: SyntaxNode | null;
  passing: "either" | "positional" | "keyword";
};

/** The parameters of a function, and where its head stands in the file. */
export type WrittenFunction = { head: FunctionHead; piece: Piece; parameters: WrittenParameter[] };

/** Finds a top-level function and its parameters: null when there is none, `invalid` when it cannot be understood. */
export function readFunction(source: string, name: string): WrittenFunction | { invalid: string } | null {
  const head = findFunction(source, name);
  if (head === null) return null;
  if (head.close === null) return { invalid: `the parameters of ${name} are never closed, or are too long` };
  const piece = parseHead(source.slice(head.open, head.close));
  const list = piece.top.firstChild?.getChild("ParamList");
  if (!list || hasErrors(piece.top)) return { invalid: `the parameters of ${name} are no Python` };
  const parameters = readParameters(piece, list);
  return typeof parameters === "string" ? { invalid: `${name}: ${parameters}` } : { head, piece, parameters };
}

/** The grammar does not know `5.` for a float; where the list has errors, those are written out. */
function parseHead(brackets: string): Piece {
  const piece = parsePiece(`def f${brackets}: pass`);
  if (!hasErrors(piece.top) || !/\d\.[,)\]}]/.test(brackets)) return piece;
  return parsePiece(`def f${brackets.replace(/(?<=\d\.)(?=[,)\]}])/g, "0")}: pass`);
}

function readParameters(piece: Piece, list: SyntaxNode): WrittenParameter[] | string {
  const found: WrittenParameter[] = [];
  const seen = new Set<string>();
  let passing: WrittenParameter["passing"] = "either";
  let last = "";
  for (const { nodes, source } of chunks(piece, list)) {
    if (seen.has("**")) return "nothing may follow the parameter with two stars";
    last = source;
    const parameter = readParameter(piece, nodes);
    const mark = parameter === null ? source : "*".repeat(parameter.star);
    if ((mark === "*" || mark === "/") && (seen.has(mark) || seen.has("*")))
      return `a second ${mark} in the parameters`;
    if (mark === "/") {
      if (found.length === 0) return "a slash stands before any parameter";
      for (const before of found) before.passing = "positional";
    }
    seen.add(mark);
    if (parameter !== null) {
      const problem = misplaced(found, parameter, passing);
      if (problem !== null) return problem;
      found.push({ ...parameter, passing });
    }
    if (mark === "*") passing = "keyword";
  }
  return last === "*" ? "a star needs a parameter behind it" : found;
}

function misplaced(
  before: readonly WrittenParameter[],
  parameter: WrittenParameter,
  passing: WrittenParameter["passing"],
): string | null {
  if (before.some(({ name }) => name === parameter.name)) return `the parameter ${parameter.name} is there twice`;
  const needsDefault = passing !== "keyword" && parameter.star === 0 && parameter.fallback === null;
  if (!needsDefault || before.every(({ fallback }) => fallback === null)) return null;
  return `${parameter.name} needs a default, as those before it have`;
}

function readParameter(piece: Piece, nodes: readonly SyntaxNode[]): WrittenParameter | null {
  const name = nodes.find((node) => node.name === "VariableName");
  if (name === undefined) return null;
  const star = nodes[0]?.name === "*" ? 1 : nodes[0]?.name === "**" ? 2 : 0;
  const typeDef = nodes.find((node) => node.name === "TypeDef");
  const annotation = typeDef === undefined ? undefined : children(typeDef)[1];
  const assign = nodes.findIndex((node) => node.name === "AssignOp");
  const fallback = assign < 0 ? undefined : nodes[assign + 1];
  return {
    name: text(piece, name),
    star,
    annotation: annotation ?? null,
    fallback: fallback ?? null,
    passing: "either",
  };
}

/** The parameter list at its commas; a lone `/` has no node of its own, so the source comes along. */
function chunks(piece: Piece, list: SyntaxNode): { nodes: SyntaxNode[]; source: string }[] {
  const found: { nodes: SyntaxNode[]; source: string }[] = [];
  let nodes: SyntaxNode[] = [];
  let from = list.from + 1;
  for (const node of children(list).slice(1)) {
    if (node.name !== "," && node.to !== list.to) {
      nodes.push(node);
      continue;
    }
    found.push({
      nodes,
      source: piece.source
        .slice(from, node.from)
        .replace(/#[^\n]*/g, "")
        .trim(),
    });
    nodes = [];
    from = node.to;
  }
  return found.filter(({ source }) => source !== "");
}
