import type { z } from "zod";
import type { ScopeAction, ScopeDomain } from "./scope.ts";

/**
 * Who may call an operation at all. Paths, folders and token scopes are checked on top of it.
 * `public` needs no token, `user` any valid one, `member` a member of the path's workspace (operators too),
 * `developer` a member who is not an operator, `admin` a workspace admin, `devops` an instance reader,
 * `superadmin` an instance admin.
 */
export type Access = "public" | "user" | "member" | "developer" | "admin" | "devops" | "superadmin";

/** How the answer leaves: Windmill's clients choose the parser by Content-Type, so each operation fixes it. */
export type Media = "json" | "text" | "event-stream" | "binary";

/** What a JSON body is: parsed against a schema, or (`"raw"`) any bytes the handler reads itself. */
export type Body = z.ZodType | "raw";

export interface OperationSpec {
  /** Windmill's operationId, camel-cased as in its generated client. */
  id: string;
  method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH";
  /** Path below `/api`; a last parameter named `path` (or ending in `_path`) may hold slashes. */
  path: `/${string}`;
  tag: string;
  summary: string;
  access: Access;
  /** Domain and action a scoped token needs. Absent only for `public` operations. */
  scope?: { domain: ScopeDomain; action: ScopeAction; /** `jobs:run:scripts` and the like. */ kind?: string };
  /**
   * Has no path of an item, and answers only items that the paths of a token's scopes cover: a token narrowed to paths may call it,
   * where other operations without a path need the whole domain.
   */
  narrows?: true;
  /** Runs code the caller sends, not code somebody deployed: operators and path-scoped tokens never may. */
  runsCallerCode?: true;
  /** Changes nothing although it is no GET: read-only tokens may. */
  readsOnly?: true;
  /** Job tokens never may: instance administration, minting tokens, changing users. */
  deniesJobTokens?: true;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: Body;
  answer: z.ZodType;
  status?: 200 | 201 | 202 | 204;
  media?: Media;
  /** Shows the operation as an MCP tool. */
  mcp?: { instructions: string; readOnly?: boolean; destructive?: boolean; idempotent?: boolean };
  /** Not one of Windmill's documented operations. */
  extension?: true;
}

/** Declares one operation of the API. Plain data: routes, OpenAPI, MCP tools and clients are derived from it. */
export function operation<const T extends OperationSpec>(spec: T): T {
  return spec;
}

type Output<T> = T extends z.ZodType ? z.output<T> : Record<string, never>;

export type ParamsOf<T extends OperationSpec> = T extends { params: infer P } ? Output<P> : PathParams<T["path"]>;
export type QueryOf<T extends OperationSpec> = T extends { query: infer Q } ? Output<Q> : Record<string, never>;
export type BodyOf<T extends OperationSpec> = T extends { body: infer B }
  ? B extends z.ZodType
    ? z.output<B>
    : undefined
  : undefined;
export type AnswerOf<T extends OperationSpec> = T extends { answer: z.ZodType } ? z.input<T["answer"]> : never;

/** `{workspace}` and friends in a path template, all strings. */
type PathParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name]: string } & PathParams<Rest>
  : unknown;
