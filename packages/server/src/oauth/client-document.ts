import { lookup as resolve } from "node:dns/promises";
import { request } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { OAuthRefusal } from "./error.ts";

const limitBytes = 64 * 1024;
const timeoutMs = 5000;

/** Everything that is not the public internet (IANA special-purpose registries). */
const special = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12],
  ["192.0.0.0", 24], ["192.0.2.0", 24], ["192.88.99.0", 24], ["192.168.0.0", 16], ["198.18.0.0", 15],
  ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 3],
] as const) special.addSubnet(net, prefix, "ipv4"); // prettier-ignore
for (const [net, prefix] of [["::", 96], ["64:ff9b::", 96], ["64:ff9b:1::", 48], ["100::", 64], ["2001::", 23], ["2001:db8::", 32], ["2002::", 16], ["fc00::", 7], ["fe80::", 10], ["ff00::", 8]] as const)
  special.addSubnet(net, prefix, "ipv6"); // prettier-ignore

/** Whether an IP address is on the public internet. */
export function isPublic(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  const version = isIP(plain);
  if (version === 0 || (version === 6 && /^::ffff:/i.test(plain))) return false;
  return !special.check(plain, version === 4 ? "ipv4" : "ipv6");
}

// The address that is checked is the one connected to: a second look-up could answer another.
const publicOnly: LookupFunction = (hostname, options, done) => {
  resolve(hostname, { all: true })
    .then((found) => {
      const refused = found.find(({ address }) => !isPublic(address));
      if (refused || found.length === 0) throw new Error(`${hostname} is not on the public internet`);
      if (options.all) done(null, found);
      else done(null, found[0]?.address ?? "", found[0]?.family ?? 4);
    })
    .catch((error: unknown) => done(error instanceof Error ? error : new Error(String(error)), "", 4));
};

/** Whether a client id is an address of a metadata document (CIMD) rather than a registered name. */
export function isDocumentId(clientId: string): boolean {
  return clientId.startsWith("https://");
}

function requireDocumentUrl(clientId: string): URL {
  const url = URL.canParse(clientId) ? new URL(clientId) : null;
  const plain =
    url !== null &&
    url.protocol === "https:" &&
    url.pathname.length > 1 &&
    url.hash === "" &&
    url.username === "" &&
    url.password === "";
  if (!plain || clientId.length > 2000)
    throw new OAuthRefusal("invalid_client", "client_id: expected an https address with a path", 401);
  const bare = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0 && !isPublic(bare))
    throw new OAuthRefusal("invalid_client", "client_id: its address is not on the public internet", 401);
  return url;
}

/** How names are looked up and which certificates count. */
export interface Reach {
  lookup: LookupFunction;
  ca?: string;
}

/** Reads the text of a client's metadata document. @throws OAuthRefusal `invalid_client` */
export type ReadDocument = (clientId: string) => Promise<string>;

/**
 * Fetches a client's metadata document: public addresses only, no redirects, 5 seconds, 64 KiB.
 * @returns its text
 * @throws OAuthRefusal `invalid_client`
 */
export function fetchDocument(clientId: string, reach: Reach = { lookup: publicOnly }): Promise<string> {
  const url = requireDocumentUrl(clientId);
  return new Promise((done, fail) => {
    const refuse = (why: string): void =>
      fail(new OAuthRefusal("invalid_client", `client_id: its document could not be read: ${why}`, 401));
    const asked = request(
      url,
      { ...reach, headers: { accept: "application/json" }, signal: AbortSignal.timeout(timeoutMs) },
      (answer) => {
        if (answer.statusCode !== 200) {
          answer.destroy();
          return refuse(`status ${answer.statusCode ?? 0}`);
        }
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > limitBytes) {
            answer.destroy();
            refuse(`it is larger than ${limitBytes} bytes`);
          } else chunks.push(chunk);
        });
        answer.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
        answer.on("error", (error) => refuse(error.message));
      },
    );
    asked.on("error", (error) => refuse(error.message));
    asked.end();
  });
}
