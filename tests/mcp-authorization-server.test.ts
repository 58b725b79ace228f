import { spawn } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { secureServer, testFolder, whenDone } from "@towermill/testkit";
import { describe, expect, test } from "vitest";
import { fetchDocument } from "../packages/server/src/oauth/client-document.ts";
import { mcpWorld, type McpWorld } from "./support/mcp-world.ts";
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

interface Run {
  world: McpWorld;
  clientId: string;
  port: number;
}

/** Runs the suite beside somebody who is signed in and agrees to everything. @returns what it printed */
async function judge({ world, clientId, port }: Run): Promise<string> {
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
  return output;
}

async function registered({ url }: McpWorld, redirect: string): Promise<string> {
  const answer = await fetch(`${url}/api/mcp/oauth/server/register`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "suite", redirect_uris: [redirect] }),
  });
  return ((await answer.json()) as { client_id: string }).client_id;
}

describe.skipIf(node === null)("the official authorization scenarios: all 3 checks", () => {
  test.each(["registers itself", "is its own metadata document"])(
    "for a client that %s",
    { timeout: 60_000 },
    async (kind) => {
      const port = await freePort();
      const redirect = `http://127.0.0.1:${port}/callback`;
      const internet = await secureServer((_, response) =>
        response.end(
          JSON.stringify({ client_id: `${internet.url}/meta.json`, client_name: "suite", redirect_uris: [redirect] }),
        ),
      );
      const world = await mcpWorld({ readDocument: (id) => fetchDocument(id, internet) });
      world.services.baseUrl = world.url;
      await world.addToken({ name: "alice", token: "session" });
      const clientId = kind === "registers itself" ? await registered(world, redirect) : `${internet.url}/meta.json`;
      const output = await judge({ world, clientId, port });
      expect(output).toContain("authorization-server-metadata-endpoint: 2 passed, 0 failed");
      expect(output).toContain("authorization-code-grant: 1 passed, 0 failed");
    },
  );
});
