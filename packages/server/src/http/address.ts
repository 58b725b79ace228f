import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { headerOf } from "./socket.ts";

/** `::ffff:1.2.3.4` is the IPv4 address it holds. */
function plain(address: string): string {
  const inner = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return inner ?? address;
}

/**
 * The address a request came from. Behind `proxies` trusted proxies it is what the outermost of them saw: each appends
 * the address it was called from to `X-Forwarded-For`, and what stands before those was written by the caller.
 * @returns `null` where it is not known: no socket, or a proxy that names none
 */
export function clientAddress(
  request: Request,
  incoming: Pick<IncomingMessage, "socket"> | undefined,
  proxies: number,
): string | null {
  if (proxies === 0) return plain(incoming?.socket.remoteAddress ?? "") || null;
  const forwarded = (headerOf(request, "x-forwarded-for") ?? "").split(",").map((part) => part.trim());
  const address = plain(forwarded.at(-proxies) ?? "");
  return isIP(address) === 0 ? null : address;
}

/**
 * Whose attempts count together: an IPv4 address, or the /64 that one IPv6 customer has. `null` = not limited, for an
 * address of this machine is that of a proxy nobody told the server of, so of everybody.
 */
export function addressGroup(address: string | null): string | null {
  if (address === null || address === "::1" || /^127\./.test(address)) return null;
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const whole =
    tail === undefined ? groups : [...groups, ...Array(8 - groups.length - after.length).fill("0"), ...after];
  return `${whole
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
