/** Clients whose configuration {@link configText} can write. */
export const configClients = [
  "claude-code",
  "claude",
  "cursor",
  "vscode",
  "windsurf",
  "codex",
  "gemini",
  "opencode",
  "json",
] as const;

export type ConfigClient = (typeof configClients)[number];

export interface ConfigRequest {
  client: ConfigClient;
  /** Address of the instance. */
  baseUrl: string;
  /** `null` = every workspace, chosen at sign-in. */
  workspace: string | null;
  /** Absent = the client signs in by itself (OAuth), or a placeholder where it cannot. */
  token?: string;
  /** What the client calls the server. */
  name?: string;
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

interface Server {
  name: string;
  url: string;
  header: string | null;
}

const plain = ({ name, url, header }: Server, key = "mcpServers", extra: object = {}): string =>
  pretty({ [key]: { [name]: { ...extra, url, ...(header ? { headers: { Authorization: header } } : {}) } } });

function bridged({ name, url, header }: Server): string {
  const { protocol, hostname } = new URL(url);
  // the bridge takes an address without TLS only of this machine, unless told
  const isPlain = protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  const options = [...(isPlain ? ["--allow-http"] : []), ...(header ? ["--header", "Authorization:${AUTH}"] : [])];
  const args = ["-y", "mcp-remote", url, ...options];
  return pretty({ mcpServers: { [name]: { command: "npx", args, ...(header ? { env: { AUTH: header } } : {}) } } });
}

const writers: Record<ConfigClient, (server: Server) => string> = {
  "claude-code": ({ name, url, header }) =>
    `claude mcp add --transport http ${name} '${url}'${header ? ` --header 'Authorization: ${header}'` : ""}`,
  claude: (server) =>
    `# claude_desktop_config.json; or add ${server.url} as a custom connector and sign in\n${bridged(server)}`,
  cursor: (server) => `# .cursor/mcp.json\n${plain(server)}`,
  vscode: (server) => `# .vscode/mcp.json\n${plain(server, "servers", { type: "http" })}`,
  windsurf: ({ name, url, header }) =>
    `# ~/.codeium/windsurf/mcp_config.json\n${pretty({ mcpServers: { [name]: { serverUrl: url, ...(header ? { headers: { Authorization: header } } : {}) } } })}`,
  codex: ({ name, url, header }) =>
    `# ~/.codex/config.toml\n[mcp_servers.${name}]\nurl = ${JSON.stringify(url)}${header ? `\nhttp_headers = { Authorization = ${JSON.stringify(header)} }` : ""}`,
  gemini: ({ name, url, header }) =>
    `gemini mcp add --transport http${header ? ` --header 'Authorization: ${header}'` : ""} ${name} '${url}'`,
  opencode: ({ name, url, header }) =>
    `# opencode.json\n${pretty({ mcp: { [name]: { type: "remote", url, ...(header ? { headers: { Authorization: header } } : {}) } } })}`,
  json: ({ name, url, header }) => {
    // The form the guide uses: the older transport's address with the token in it, understood by every client.
    const address = header ? `${url.replace(/\/mcp$/, "/sse")}?token=${header.slice("Bearer ".length)}` : url;
    return pretty({ mcpServers: { [name]: { type: "sse", url: address } } });
  },
};

/**
 * What to type or to put into which file so that a client uses this instance.
 * @throws TypeError when a name cannot be a server's name
 */
export function configText({ client, baseUrl, workspace, token, name = "towermill" }: ConfigRequest): string {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(name))
    throw new TypeError(`${JSON.stringify(name)} cannot be a server's name: use letters, digits, _ and -`);
  if (token !== undefined && !/^[A-Za-z0-9_-]+$/.test(token))
    throw new TypeError("the token holds characters that no token has");
  const root = baseUrl.replace(/\/$/, "");
  const url =
    workspace === null
      ? `${root}/api/mcp`
      : `${root}/api/mcp/w/${encodeURIComponent(workspace).replaceAll("'", "%27")}/mcp`;
  return writers[client]({ name, url, header: token === undefined ? null : `Bearer ${token}` });
}
