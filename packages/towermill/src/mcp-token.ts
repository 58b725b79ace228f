import { readGrant } from "@towermill/mcp";
import { SettingError, type Settings } from "./setting.ts";

export interface McpTokenOptions {
  url: string | undefined;
  /** A token without scopes, with which the new one is made. */
  token: string | undefined;
  workspace: string | undefined;
  /** With spaces or commas between them; `mcp:all` unless told. */
  scopes: string | undefined;
  label: string | undefined;
  /** A moment (ISO 8601), or days from now as `90d`. */
  expires: string | undefined;
}

const usualDays = 90;

function expiration(given: string, now: Date): string {
  const [, days] = /^(\d{1,5})d$/.exec(given) ?? [];
  if (days !== undefined) return new Date(now.getTime() + Number(days) * 86_400_000).toISOString();
  const moment = new Date(given);
  if (Number.isNaN(moment.getTime())) throw new SettingError(`--expires: ${given} is neither days (90d) nor a moment`);
  return moment.toISOString();
}

/** The API keeps scopes it does not know, as Windmill's does; here is the moment to tell. @throws SettingError */
function scopesOf(text: string): string[] {
  // a scope may hold commas of its own: mcp:endpoints:listVariable,getVariable
  const scopes = text.trim().split(/\s+|,(?=[a-z_]+:|mcp(?:,|\s|$))/);
  const strange = scopes.find((scope) => scope.startsWith("mcp") && readGrant([scope]) === null);
  if (strange === undefined) return scopes;
  const known = "mcp:all, mcp:favorites, mcp:scripts:f/a/*, mcp:flows:…, mcp:endpoints:…, mcp:toolset:…, mcp:level:…";
  throw new SettingError(`--scopes: ${strange} is no MCP scope; ${known}: see docs/mcp.md`);
}

/**
 * Makes a token for an MCP client over the API, so that it works against any instance.
 * @returns the token @throws SettingError that says which option is wrong, or what the instance answered
 */
export async function makeMcpToken(options: McpTokenOptions, settings: Settings, now = new Date()): Promise<string> {
  const { token = process.env["TOWERMILL_TOKEN"], workspace, scopes = "mcp:all", label = "mcp" } = options;
  const baseUrl = (options.url ?? settings.BASE_URL ?? `http://localhost:${settings.PORT}`).replace(/\/$/, "");
  if (!URL.canParse(baseUrl)) throw new SettingError(`--url: ${baseUrl} is no address`);
  if (!token) throw new SettingError("--token (or TOWERMILL_TOKEN): a token of yours is needed to make another");
  const body = {
    label,
    scopes: scopesOf(scopes),
    expiration: expiration(options.expires ?? `${usualDays}d`, now),
    ...(workspace === undefined ? {} : { workspace_id: workspace }),
  };
  const answer = await fetch(`${baseUrl}/api/users/tokens/create`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  }).catch((error: unknown) => {
    const { cause, message } = error as Error;
    throw new SettingError(`${baseUrl} cannot be reached: ${cause instanceof Error ? cause.message : message}`);
  });
  const text = await answer.text();
  if (answer.ok) return text;
  throw new SettingError(`${baseUrl} made no token (${answer.status}): ${text}`);
}
