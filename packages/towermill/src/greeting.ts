import type { IsolationReport } from "@towermill/runtimes";

export interface Greeting {
  address: string;
  email: string;
  /** Shown only when it was made at this start. */
  newPassword: string | undefined;
  /** Where the password is kept; `null` when the operator set it. */
  passwordFile: string | null;
  isolation: IsolationReport | undefined;
}

/** The one block that a start prints: where, how to log in, how to connect the CLI and an MCP client. */
export function greeting({ address, email, newPassword, passwordFile, isolation }: Greeting): string {
  const password = newPassword ?? (passwordFile === null ? "(the password you set)" : `(in ${passwordFile})`);
  const mcp = { mcpServers: { towermill: { url: `${address}/api/mcp/w/admins/sse?token=<token>` } } };
  return [
    "",
    `  Towermill is ready   ${address}`,
    `  Log in               ${email}   ${password}`,
    `  Add to the wmill CLI wmill workspace add towermill admins ${address} --token <token>`,
    `  Make a token         curl -s ${address}/api/auth/login -H 'content-type: application/json' -d '{"email":"${email}","password":"…"}'`,
    `  .mcp.json            ${JSON.stringify(mcp)}`,
    ...(isolation ? [`  Jobs                 ${isolation.sentence}`] : []),
    "  Stop with Ctrl-C",
    "",
    "",
  ].join("\n");
}
