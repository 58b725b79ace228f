import { createHmac, timingSafeEqual } from "node:crypto";
import type { Services } from "../services.ts";

/** What the bundle of a version is fetched by: only this workspace can make it. */
export async function bundleSecret({ vault }: Services, workspace: string, version: number): Promise<string> {
  const seal = createHmac("sha256", await vault.key(workspace))
    .update(`app bundle ${version}`)
    .digest("hex");
  return `${version}-${seal.slice(0, 40)}`;
}

/** The version a secret is for; `null` when it was not made here. */
export async function versionOfSecret(services: Services, workspace: string, secret: string): Promise<number | null> {
  const version = Number(/^(\d{1,15})-/.exec(secret)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(version)) return null;
  const expected = Buffer.from(await bundleSecret(services, workspace, version));
  const given = Buffer.from(secret);
  return given.length === expected.length && timingSafeEqual(given, expected) ? version : null;
}
