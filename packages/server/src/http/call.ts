import type { AnswerOf, BodyOf, Member, OperationSpec, ParamsOf, QueryOf } from "@towermill/contract";
import type { Caller } from "../identity/caller.ts";

type InWorkspace<T extends OperationSpec> = T["path"] extends `/w/{workspace}/${string}` ? true : false;

/** One request, parsed and allowed, as handlers see it. */
export interface Call<T extends OperationSpec = OperationSpec> {
  operation: T;
  params: ParamsOf<T>;
  query: QueryOf<T>;
  body: BodyOf<T>;
  /** The body as it was sent, `""` without one; JSON columns are filled from it so that they round-trip verbatim. */
  bodyText: string;
  caller: Caller;
  /** The caller in the path's workspace; `null` only for anonymous callers of public operations. */
  member: InWorkspace<T> extends true ? (T["access"] extends "public" ? Member | null : Member) : Member | null;
  request: Request;
  /** All query parameters, for operations that take any. */
  search: URLSearchParams;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** Where the request came from, as far as that is known. */
  address: string | null;
}

/** Handlers answer the declared shape, or a whole `Response` where status or headers depend on the case. */
export type Handler<T extends OperationSpec> = (call: Call<T>) => Promise<AnswerOf<T> | Response>;

/** One handler for every operation of a list: a missing one does not compile. */
export type Handlers<T extends readonly OperationSpec[]> = {
  [Op in T[number] as Op["id"]]: Handler<Op>;
};
