/** Where the authorization server of an instance is; its metadata (RFC 8414) is found by this issuer. */
export function issuerOf(baseUrl: string): string {
  return `${baseUrl}/api/mcp/oauth/server`;
}

export const scopesSupported = [
  "mcp:all",
  "mcp:favorites",
  "mcp:scripts:*",
  "mcp:flows:*",
  "mcp:endpoints:*",
  "mcp:level:read",
  "mcp:level:run",
  "mcp:level:build",
  "mcp:level:runnables",
];

export function serverMetadata(baseUrl: string) {
  const issuer = issuerOf(baseUrl);
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    revocation_endpoint: `${issuer}/revoke`,
    scopes_supported: scopesSupported,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    token_endpoint_auth_methods_supported: ["none"],
    revocation_endpoint_auth_methods_supported: ["none"],
    code_challenge_methods_supported: ["S256"],
    client_id_metadata_document_supported: true,
    authorization_response_iss_parameter_supported: true,
  };
}

export function resourceMetadata(baseUrl: string, pathname: string) {
  return {
    resource: `${baseUrl}${pathname}`,
    resource_name: "Towermill",
    authorization_servers: [issuerOf(baseUrl)],
    scopes_supported: scopesSupported,
    bearer_methods_supported: ["header"],
  };
}
