import type { SyntaxNode } from "@lezer/common";
import { parser } from "@lezer/python";

/** A piece of parsed source. */
export type Piece = { source: string; top: SyntaxNode };

/** Parses a piece of Python. The parser always answers; `hasErrors` tells whether it understood. */
export function parsePiece(source: string): Piece {
  return { source, top: parser.parse(source).topNode };
}

/** Whether anything below a node is no Python. */
export function hasErrors(node: SyntaxNode): boolean {
  let found = false;
  node.cursor().iterate((inner) => {
    found ||= inner.type.isError;
  });
  return found;
}

/** The children of a node, punctuation and comments included. */
export function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== "Comment") found.push(child);
  }
  return found;
}

/** The children of a node that stand for something: no punctuation. */
export function parts(node: SyntaxNode): SyntaxNode[] {
  return children(node).filter(({ name }) => /^[A-Z]/.test(name));
}

/** The source of a node. */
export function text(piece: Piece, node: SyntaxNode): string {
  return piece.source.slice(node.from, node.to);
}

/** A node without the brackets around it. */
export function unwrap(node: SyntaxNode): SyntaxNode {
  let inner = node;
  while (inner.name === "ParenthesizedExpression") {
    const next = parts(inner)[0];
    if (next === undefined) break;
    inner = next;
  }
  return inner;
}

/** `base[items]`; `many` tells `x[a, b]` and `x[a,]` from `x[a]`. */
export type Subscript = { base: SyntaxNode; items: SyntaxNode[]; many: boolean };

/** A node as a subscript, or null if it is something else. */
export function asSubscript(node: SyntaxNode): Subscript | null {
  if (node.name !== "MemberExpression") return null;
  const [base, open, ...rest] = children(node);
  if (base === undefined || open?.name !== "[") return null;
  const items = rest.filter(({ name }) => /^[A-Z]/.test(name));
  const [only] = items;
  if (only?.name === "TupleExpression") return { base, items: parts(only), many: true };
  return { base, items, many: rest.some(({ name }) => name === ",") };
}

/** `base.name` where `base` is a plain name, or null. */
export function asAttribute(piece: Piece, node: SyntaxNode): { base: string; name: string } | null {
  if (node.name !== "MemberExpression") return null;
  const [base, dot, name] = children(node);
  if (base?.name !== "VariableName" || dot?.name !== "." || name === undefined) return null;
  return { base: text(piece, base), name: text(piece, name) };
}
