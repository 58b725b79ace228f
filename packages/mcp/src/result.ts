import type { ToolFailure } from "./failure.ts";

/** Longer answers are paged, previewed or linked: clients cut at about 25,000 tokens and warn at 10,000. */
export const usualLimit = 20_000;
/** What makes sense only as a whole may be this long. */
export const documentLimit = 400_000;

type Json = Record<string, unknown>;

export interface Link {
  uri: string;
  name: string;
  mimeType: string;
}

/** The result of a tool call. */
export interface ToolResult {
  [key: string]: unknown;
  content: ({ type: "text"; text: string } | ({ type: "resource_link" } & Link))[];
  structuredContent?: Json;
  isError?: boolean;
  _meta?: Json;
}

export function textResult(text: string, structuredContent?: Json): ToolResult {
  return { content: [{ type: "text", text }], ...(structuredContent ? { structuredContent } : {}) };
}

/** A result whose text is its structure. */
export function jsonResult(value: Json): ToolResult {
  return textResult(JSON.stringify(value), value);
}

export function errorResult(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}

export function failureResult(failure: ToolFailure): ToolResult {
  return errorResult(failure.hint === "" ? failure.message : `${failure.message}\n${failure.hint}`);
}

/** As many items as fit, never a cut one, and where the rest is. */
export function listResult(text: string, items: readonly unknown[], page: number): ToolResult {
  if (text.length <= usualLimit) return textResult(text, { items });
  const shown: unknown[] = [];
  let size = 0;
  for (const item of items) {
    size += JSON.stringify(item).length + 1;
    if (size > usualLimit) break;
    shown.push(item);
  }
  const next =
    shown.length === 0
      ? "The first item alone is longer than the limit; ask for it by its own tool."
      : `Ask again with per_page=${shown.length}, then page=${page + 1} and so on.`;
  return jsonResult({ items: shown, truncated: true, shown: shown.length, total: items.length, next });
}

/** A long object or text: its beginning, and where the whole is. */
export function previewResult(text: string, link: Link | null): ToolResult {
  const told = {
    truncated: true,
    preview: text.slice(0, 4000),
    total_chars: text.length,
    next: link ? `Read the resource ${link.uri} for the whole.` : "Ask for less: a narrower filter, a single item.",
  };
  const result = jsonResult(told);
  if (link) result.content.push({ type: "resource_link", ...link });
  return result;
}

/** A long text from an offset on: whole lines as far as they fit, and where the rest begins. */
export function textPage(text: string, offset: number, link: Link | null): ToolResult {
  const cut = text.lastIndexOf("\n", usualLimit - 1) + 1;
  const shown = text.slice(0, cut === 0 ? usualLimit : cut);
  const next = offset + shown.length;
  const told = { result: shown, truncated: true, next_offset: next, total_chars: offset + text.length };
  const result = textResult(`${shown}\n… ${text.length - shown.length} more characters: offset=${next}`, told);
  if (link) result.content.push({ type: "resource_link", ...link });
  return result;
}

/** A whole that clients would otherwise cut. */
export function documentResult(text: string, value: Json): ToolResult {
  return {
    ...textResult(text, value),
    ...(text.length > usualLimit ? { _meta: { "anthropic/maxResultSizeChars": 500_000 } } : {}),
  };
}
