import type { IncomingMessage, ServerResponse } from "node:http";

/** What Node knows of a request: cheaper to read than the web-standard view of it. */
export interface Socket {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

const arrivals = new WeakMap<Request, IncomingMessage>();

/** Lets a request's headers and body be read as Node gives them: web-standard objects around them cost as much as the rest of a small request. */
export function readFromSocket(request: Request, { incoming }: Socket): void {
  arrivals.set(request, incoming);
}

/** The request as Node has it, if it came over a socket. */
export function arrivalOf(request: Request): IncomingMessage | undefined {
  return arrivals.get(request);
}

/** A header, `null` without it. @param name in lower case */
export function headerOf(request: Request, name: string): string | null {
  const incoming = arrivals.get(request);
  if (!incoming) return request.headers.get(name);
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(", ") : (value ?? null);
}
