import { createHash, randomBytes } from "node:crypto";
import { sql } from "@towermill/store";
import { beforeAll, describe, expect, test } from "vitest";
import { isPublic } from "../packages/server/src/oauth/client-document.ts";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";

let world: McpWorld;
let session = "";
const password = "correct horse battery";
const base = "http://localhost:8000";
const issuer = `${base}/api/mcp/oauth/server`;

beforeAll(async () => {
  world = await mcpWorld();
  await world.db.execute(sql`update account set super_admin = true where email = 'admin@example.com'`);
  const made = await api("POST", "/api/users/create", {
    token: "admin",
    body: { email: "carol@example.com", password, super_admin: false },
  });
  expect(made.status).toBeLessThan(300);
  await world.db.execute(
    sql`insert into member (workspace_id, username, email) values ('w', 'carol', 'carol@example.com')`,
  );
  session = await (await api("POST", "/api/auth/login", { body: { email: "carol@example.com", password } })).text();
});

function api(
  method: string,
  path: string,
  { token, body, cookie }: { token?: string; body?: unknown; cookie?: string } = {},
): Promise<Response> {
  return fetch(world.url + path, {
    method,
    redirect: "manual",
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(cookie ? { cookie: `token=${cookie}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(world.url + path, { method: "POST", redirect: "manual", body: new URLSearchParams(form), headers });
}

async function register(
  redirectUris: unknown = ["http://127.0.0.1:7777/callback"],
): Promise<{ status: number; client_id: string; error?: string }> {
  const response = await api("POST", "/api/mcp/oauth/server/register", {
    body: { client_name: "Suite <b>", redirect_uris: redirectUris },
  });
  return { status: response.status, ...((await response.json()) as { client_id: string; error?: string }) };
}

const verifier = randomBytes(32).toString("base64url");
const challenge = createHash("sha256").update(verifier).digest("base64url");

function question(client: string, changes: Record<string, string> = {}): Record<string, string> {
  return {
    response_type: "code",
    client_id: client,
    redirect_uri: "http://127.0.0.1:7777/callback",
    code_challenge: challenge,
    code_challenge_method: "S256",
    state: "s1",
    resource: `${base}/api/mcp/w/w/mcp`,
    ...changes,
  };
}

async function ask(fields: Record<string, string>, cookie = session): Promise<Response> {
  return api("GET", `/api/mcp/oauth/server/authorize?${new URLSearchParams(fields).toString()}`, { cookie });
}

/** Goes through the page as a person does. @returns where the browser is sent */
async function consent(fields: Record<string, string>, choice: Record<string, string> = {}): Promise<URL> {
  const page = await (await ask(fields)).text();
  const hidden = Object.fromEntries(
    Array.from(page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g), ([, name = "", value = ""]) => [
      name,
      value.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
    ]),
  );
  const form = { ...hidden, chosen_scope: "mcp:all", decision: "allow", ...choice };
  const answer = await post("/api/mcp/oauth/server/authorize", form, { cookie: `token=${session}`, origin: world.url });
  return new URL(answer.headers.get("location") ?? `http://none/${answer.status}`);
}

interface Tokens {
  access_token: string;
  refresh_token: string;
  error?: string;
}

async function redeem(
  client: string,
  code: string,
  changes: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: Tokens }> {
  const response = await post("/api/mcp/oauth/server/token", {
    grant_type: "authorization_code",
    client_id: client,
    code,
    code_verifier: verifier,
    redirect_uri: "http://127.0.0.1:7777/callback",
    ...changes,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Tokens };
}

async function tokensFor(
  changes: Record<string, string> = {},
  choice: Record<string, string> = {},
): Promise<{ client: string; tokens: Tokens }> {
  const { client_id: client } = await register();
  const code = (await consent(question(client, changes), choice)).searchParams.get("code") ?? "";
  const { body } = await redeem(client, code);
  return { client, tokens: body };
}

function refresh(client: string, token: string): Promise<Response> {
  return post("/api/mcp/oauth/server/token", { grant_type: "refresh_token", client_id: client, refresh_token: token });
}

describe("metadata", () => {
  test.each(["/api/mcp", "/api/mcp/gateway", "/api/mcp/w/w/mcp", "/api/mcp/w/w/sse"])(
    "the resource of %s is exactly its address",
    async (path) => {
      const metadata = (await (await api("GET", `/.well-known/oauth-protected-resource${path}`)).json()) as object;
      expect(metadata).toMatchObject({ resource: base + path, authorization_servers: [issuer] });
    },
  );

  test("the server's own names what clients choose by", async () => {
    const metadata = (await (
      await api("GET", "/.well-known/oauth-authorization-server/api/mcp/oauth/server")
    ).json()) as object;
    expect(metadata).toMatchObject({
      issuer,
      code_challenge_methods_supported: ["S256"],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      token_endpoint_auth_methods_supported: ["none"],
    });
    expect((await api("GET", "/.well-known/oauth-protected-resource/api/w/w/scripts")).status).toBe(404);
  });
});

describe("from consent to a call", () => {
  test("a token for one workspace opens that workspace, and nothing of the REST API", async () => {
    const { tokens } = await tokensFor();
    expect((await world.rpc(tokens.access_token, "tools/list")).status).toBe(200);
    expect((await world.rpc(tokens.access_token, "tools/list", { path: "/api/mcp/w/w/sse" })).status).toBe(200);
    expect((await api("GET", "/api/w/w/variables/list", { token: tokens.access_token })).status).toBe(403);
  });

  test("the answer carries code, state and issuer once, and tokens are not to be kept by caches", async () => {
    const { client_id: client } = await register();
    const back = await consent(question(client));
    expect([back.origin, back.pathname]).toEqual(["http://127.0.0.1:7777", "/callback"]);
    expect([...back.searchParams.keys()].sort()).toEqual(["code", "iss", "state"]);
    expect(back.searchParams.get("iss")).toBe(issuer);
    const { headers } = await redeem(client, back.searchParams.get("code") ?? "");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("a token for one address is refused at another", async () => {
    const all = await tokensFor({ resource: `${base}/api/mcp` });
    expect((await world.rpc(all.tokens.access_token, "tools/list", { path: "/api/mcp" })).status).toBe(200);
    expect((await world.rpc(all.tokens.access_token, "tools/list")).status).toBe(401);
    const one = await tokensFor();
    expect((await world.rpc(one.tokens.access_token, "tools/list", { path: "/api/mcp" })).status).toBe(401);
  });

  test("less than was asked for can be chosen, more cannot", async () => {
    const { tokens } = await tokensFor({}, { chosen_scope: "mcp:level:read" });
    const { message } = await world.rpc(tokens.access_token, "tools/list");
    expect(message?.result?.tools?.map((tool) => tool.name)).not.toContain("createVariable");
    const { client_id: client } = await register();
    const back = await consent(question(client, { scope: "mcp:endpoints:listVariable" }), { chosen_scope: "mcp:all" });
    expect(back.searchParams.get("error")).toBe("invalid_scope");
  });

  test("saying no is an answer too", async () => {
    const { client_id: client } = await register();
    expect((await consent(question(client), { decision: "deny" })).searchParams.get("error")).toBe("access_denied");
  });

  test("someone who is not signed in signs in on the page; a wrong password is told", async () => {
    const { client_id: client } = await register();
    const page = await ask(question(client), "");
    expect(await page.text()).toContain('name="login_password"');
    const wrong = await post("/api/mcp/oauth/server/authorize", {
      ...question(client),
      login_email: "carol@example.com",
      login_password: "no",
    });
    expect(wrong.status).toBe(401);
    const right = await post("/api/mcp/oauth/server/authorize", {
      ...question(client),
      login_email: "carol@example.com",
      login_password: password,
    });
    expect([right.status, right.headers.get("set-cookie")]).toEqual([303, expect.stringContaining("HttpOnly")]);
  });

  test("the page shows a client's name as text, and may not be framed", async () => {
    const { client_id: client } = await register();
    const page = await ask(question(client));
    expect(await page.text()).toContain("Suite &#60;b&#62;");
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  });

  test("a decision that did not come from the page shows the page again", async () => {
    const { client_id: client } = await register();
    const forged = await post(
      "/api/mcp/oauth/server/authorize",
      { ...question(client), chosen_scope: "mcp:all", decision: "allow" },
      { cookie: `token=${session}` },
    );
    expect([forged.status, forged.headers.get("location")]).toEqual([200, null]);
    const foreign = await post(
      "/api/mcp/oauth/server/authorize",
      { ...question(client), decision: "allow" },
      { cookie: `token=${session}`, origin: "https://evil.example" },
    );
    expect(foreign.status).toBe(403);
  });

  test("a narrowed token in place of a session cannot consent", async () => {
    await world.addToken({ name: "alice", token: "narrow", scopes: ["mcp:endpoints:listVariable"] });
    const { client_id: client } = await register();
    expect(await (await ask(question(client), "narrow")).text()).toContain('name="login_password"');
  });
});

describe("refusals", () => {
  test.each([
    { code_challenge: "" },
    { code_challenge_method: "plain" },
    { code_challenge_method: "" },
    { response_type: "token" },
    { scope: "jobs:read" },
    { resource: "https://other.example/api/mcp" },
  ])("%j is told to the client", async (change) => {
    const { client_id: client } = await register();
    const back = await ask(question(client, change));
    expect([back.status, new URL(back.headers.get("location") ?? "http://none").searchParams.get("error")]).toEqual([
      302,
      expect.stringMatching(/invalid|unsupported/),
    ]);
  });

  test.each([
    "http://127.0.0.1:7777/other",
    "https://evil.example/callback",
    "http://127.0.0.1:7777/callback?x=1",
    "javascript:alert(1)",
    "",
  ])("the browser is never sent to %j", async (uri) => {
    const { client_id: client } = await register();
    const answer = await ask(question(client, { redirect_uri: uri }));
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  });

  test("another port on loopback is fine", async () => {
    const { client_id: client } = await register();
    expect((await ask(question(client, { redirect_uri: "http://127.0.0.1:61234/callback" }))).status).toBe(200);
  });

  test("a code needs its verifier, its client and its address", async () => {
    const { client_id: client } = await register();
    const { client_id: other } = await register();
    const code = (await consent(question(client))).searchParams.get("code") ?? "";
    for (const change of [
      { code_verifier: "x".repeat(43) },
      { client_id: other },
      { redirect_uri: "http://127.0.0.1:7777/else" },
      { resource: `${base}/api/mcp` },
    ]) {
      expect((await redeem(client, code, change)).status).toBe(400);
    }
    expect((await redeem(client, code)).status).toBe(200);
  });

  test("a code that is redeemed twice ends what it gave", async () => {
    const { client_id: client } = await register();
    const code = (await consent(question(client))).searchParams.get("code") ?? "";
    const { body } = await redeem(client, code);
    expect((await redeem(client, code)).body.error).toBe("invalid_grant");
    expect((await world.rpc(body.access_token, "tools/list")).status).toBe(401);
  });

  test("a refresh token works once; used again it ends the family, access tokens included", async () => {
    const { client, tokens } = await tokensFor();
    const next = (await (await refresh(client, tokens.refresh_token)).json()) as Tokens;
    expect((await world.rpc(next.access_token, "tools/list")).status).toBe(200);
    expect((await refresh(client, tokens.refresh_token)).status).toBe(400);
    expect((await world.rpc(next.access_token, "tools/list")).status).toBe(401);
    expect((await refresh(client, next.refresh_token)).status).toBe(400);
  });

  test.each([
    ["javascript:alert(1)"],
    ["https://x.example/#f"],
    ["https://*.example/cb"],
    ["http://evil.example/cb"],
    ["data:text/html,x"],
    ["nonsense"],
    [""],
  ])("registration refuses the redirect %j", async (uri) => {
    expect(await register([uri])).toMatchObject({ status: 400, error: "invalid_redirect_uri" });
  });

  test.each([
    "https://127.0.0.1/client.json",
    "https://10.0.0.1/c",
    "https://[::1]/c",
    "https://localhost/c",
    "https://169.254.169.254/latest",
    "https://x.example/#f",
    "https://user@x.example/c",
    "https://x.example",
  ])("the client document %s is not fetched", async (id) => {
    const answer = await ask(question(id));
    expect([answer.status, answer.headers.get("location")]).toEqual([400, null]);
  });

  test("only addresses of the public internet are public", () => {
    for (const address of [
      "127.0.0.1",
      "10.1.2.3",
      "100.64.0.1",
      "192.168.1.1",
      "169.254.169.254",
      "::1",
      "::ffff:10.0.0.1",
      "::ffff:7f00:1",
      "fd00::1",
      "fe80::1",
      "64:ff9b::a00:1",
      "0.0.0.0",
      "224.0.0.1",
      "nonsense",
    ]) {
      expect([address, isPublic(address)]).toEqual([address, false]);
    }
    for (const address of ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"])
      expect([address, isPublic(address)]).toEqual([address, true]);
  });
});

describe("connected clients", () => {
  test("are listed to the account and end when it says so", async () => {
    const { tokens } = await tokensFor();
    const list = (await (await api("GET", "/api/mcp/oauth/clients", { token: session })).json()) as {
      id: string;
      client_name: string;
      workspace_id: string;
    }[];
    expect(list[0]).toMatchObject({ client_name: "Suite <b>", workspace_id: "w" });
    expect((await api("DELETE", `/api/mcp/oauth/clients/${list[0]?.id ?? ""}`, { token: "bob" })).status).toBe(404);
    expect((await api("DELETE", `/api/mcp/oauth/clients/${list[0]?.id ?? ""}`, { token: session })).status).toBe(200);
    expect((await world.rpc(tokens.access_token, "tools/list")).status).toBe(401);
  });

  test("a client revokes its own token", async () => {
    const { tokens } = await tokensFor();
    expect((await post("/api/mcp/oauth/server/revoke", { token: tokens.refresh_token })).status).toBe(200);
    expect((await world.rpc(tokens.access_token, "tools/list")).status).toBe(401);
    expect((await post("/api/mcp/oauth/server/revoke", { token: "unknown" })).status).toBe(200);
  });
});

test("nothing failed on the server", () => expect(world.errors).toEqual([]));
