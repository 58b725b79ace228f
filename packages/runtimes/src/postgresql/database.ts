import type { ConnectionOptions } from "node:tls";

/** Where a database is and who connects, read from a `postgresql` resource. */
export interface DatabaseAddress {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** To be tried in this order; false = without encryption. */
  encryption: (ConnectionOptions | false)[];
}

/**
 * Reads the `database` argument of a script, JSON text.
 * @throws Error telling what is missing. A host that is a path (a unix socket of the worker's machine, such as the one
 * of the platform's own database) is refused.
 */
export function readDatabase(json: string | undefined): DatabaseAddress {
  if (json === undefined || json === "null") {
    throw new Error("Missing database argument: pass a postgresql resource, or pin one with `-- database u/user/name`");
  }
  const value: unknown = JSON.parse(json);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const scheme = typeof value === "string" ? /^\w+(?=:\/\/)/.exec(value)?.[0] : undefined;
    throw new Error(
      scheme === undefined
        ? "The database argument is not a postgresql resource: it must be an object, or `$res:` and a resource's path"
        : `Databases of the form ${scheme}:// are not available here: use a postgresql resource`,
    );
  }
  const resource = new Map(Object.entries(value));
  const text = (name: string, fallback?: string): string => {
    const found: unknown = resource.get(name) ?? fallback;
    if (typeof found !== "string" || (found === "" && fallback === undefined))
      throw new Error(`The postgresql resource needs a text in \`${name}\``);
    return found;
  };
  const host = text("host").trim();
  if (!/^[\p{L}\p{N}._:%-]+$/u.test(host))
    throw new Error("`host` of the postgresql resource must be a name or an address; paths of sockets are not allowed");
  return {
    host,
    port: readPort(resource.get("port")),
    user: text("user", "postgres"),
    password: text("password", ""),
    database: text("dbname"),
    encryption: encryptionOf(text("sslmode", "prefer"), text("root_certificate_pem", "")),
  };
}

function readPort(value: unknown): number {
  const port = Number(value ?? 5432);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error("`port` of the postgresql resource must be a number from 1 to 65535");
  return port;
}

/** The modes of libpq: https://www.postgresql.org/docs/current/libpq-ssl.html */
function encryptionOf(mode: string, certificate: string): (ConnectionOptions | false)[] {
  const ca = certificate.trim() === "" ? {} : { ca: certificate };
  const unverified = { rejectUnauthorized: false };
  const authority = { ...ca, checkServerIdentity: () => undefined };
  switch (mode) {
    case "disable":
      return [false];
    case "":
    case "allow":
    case "prefer":
      return [unverified, false];
    case "require":
      return [certificate.trim() === "" ? unverified : authority];
    case "verify-ca":
      return [authority];
    case "verify-full":
      return [ca];
    default:
      throw new Error(
        `sslmode ${mode} of the postgresql resource is not known: use disable, prefer, require or verify-full`,
      );
  }
}
