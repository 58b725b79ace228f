import { spawn } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { testFolder, whenDone } from "@towermill/testkit";
import { expect, test } from "vitest";
import { mcpWorld } from "./support/mcp-world.ts";
import { newerNode } from "./support/npm-tool.ts";

/** The official conformance suite of authorization servers. */
const suite = fileURLToPath(new URL("../node_modules/.bin/conformance", import.meta.url));
const node = await newerNode();

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Goes through the pages as a person does who is signed in already. @returns where the browser is sent */
async function consent(authorizeUrl: string, cookie: string): Promise<string> {
  const page = await (await fetch(authorizeUrl, { headers: { cookie } })).text();
  const decode = (value: string): string =>
    value.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
  const fields = Array.from(
    page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g),
    ([, name = "", value = ""]): [string, string] => [name, decode(value)],
  );
  const scope = decode(/name="chosen_scope"><option value="([^"]*)"/.exec(page)?.[1] ?? "");
  const body = new URLSearchParams([...fields, ["chosen_scope", scope], ["decision", "allow"]]);
  const { origin, pathname } = new URL(authorizeUrl);
  const answer = await fetch(origin + pathname, {
    method: "POST",
    redirect: "manual",
    body,
    headers: { cookie, origin },
  });
  return answer.headers.get("location") ?? expect.fail(`${answer.status} ${await answer.text()}`);
}

test.skipIf(node === null)("passes the official authorization scenarios", { timeout: 60_000 }, async () => {
  const world = await mcpWorld();
  world.services.baseUrl = world.url;
  await world.addToken({ name: "alice", token: "session" });
  const port = await freePort();
  const registered = await fetch(`${world.url}/api/mcp/oauth/server/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "suite", redirect_uris: [`http://127.0.0.1:${port}/callback`] }),
  });
  const { client_id: clientId } = (await registered.json()) as { client_id: string };
  const args = [
    "authorization",
    "--url",
    `${world.url}/api/mcp/oauth/server`,
    "--client-id",
    clientId,
    "--resource",
    `${world.url}/api/mcp/w/w/mcp`,
    "-p",
    String(port),
    "-o",
    testFolder(),
  ];
  const child = spawn(node ?? "", [suite, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  whenDone(() => void child.kill("SIGKILL"));
  let output = "";
  const followed = new Set<string>();
  const look = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const [url] of output.matchAll(/http:\/\/\S+\/authorize\?\S+/g)) {
      if (followed.has(url)) continue;
      followed.add(url);
      void consent(url, "token=session").then((location) => fetch(location));
    }
  };
  child.stdout.on("data", look);
  child.stderr.on("data", look);
  await new Promise((resolve) => child.on("exit", resolve));
  expect(output).toMatch(/authorization-server-metadata-endpoint: [1-9]\d* passed, 0 failed/);
  expect(output).toMatch(/authorization-code-grant: [1-9]\d* passed, 0 failed/);
});
