import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Settings of an `.npmrc` that say where packages come from and how to reach it. */
const settings =
  /^(?:(?:@[^:=\s]+:)?registry|\/\/[^=\s]+|cafile|ca|https?-proxy|proxy|noproxy|strict-ssl|_auth\w*|always-auth)\s*=/;

/**
 * Registry lines of the host's `.npmrc` files (npm's global one, then the user's, which wins), with `${NAME}` replaced.
 * They hold tokens: write them only where the installer reads them, never into an artefact.
 */
export async function hostRegistrySettings(): Promise<string> {
  const globals = [
    process.env["npm_config_globalconfig"] ?? process.env["NPM_CONFIG_GLOBALCONFIG"],
    "/usr/etc/npmrc",
    "/usr/local/etc/npmrc",
    join(dirname(process.execPath), "..", "etc", "npmrc"),
  ];
  const user =
    process.env["npm_config_userconfig"] ?? process.env["NPM_CONFIG_USERCONFIG"] ?? join(homedir(), ".npmrc");
  const lines: string[] = [];
  for (const path of new Set([...globals, user])) {
    if (path === undefined) continue;
    const text = await readFile(path, "utf8").catch(() => "");
    lines.push(...text.split(/\r?\n/).filter((line) => settings.test(line.trim())));
  }
  return lines
    .map((line) => line.replace(/\$\{(\w+)\}/g, (whole, name: string) => process.env[name] ?? whole))
    .join("\n");
}

/** Paths of certificate files that registry lines name. */
export function certificateFiles(npmrc: string): string[] {
  return [...npmrc.matchAll(/^\s*cafile\s*=\s*(\S+)\s*$/gm)].flatMap((match) => match[1] ?? []);
}
