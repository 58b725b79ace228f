import { secureServer, type SecureServer } from "@towermill/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { findClient } from "./client.ts";
import { fetchDocument, isPublic } from "./client-document.ts";

let server: SecureServer;

const documents: Record<string, (id: string) => { status?: number; location?: string; body: string }> = {
  "/good.json": (id) => ({
    body: JSON.stringify({ client_id: id, client_name: "Good", redirect_uris: ["http://127.0.0.1:7777/callback"] }),
  }),
  "/other.json": () => ({
    body: JSON.stringify({ client_id: "https://client.example/x", redirect_uris: ["http://127.0.0.1/callback"] }),
  }),
  "/moved.json": () => ({ status: 302, location: "/good.json", body: "" }),
  "/large.json": (id) => ({ body: JSON.stringify({ client_id: id, padding: "x".repeat(70_000) }) }),
  "/text.json": () => ({ body: "hello" }),
  "/secret.json": (id) => ({
    body: JSON.stringify({
      client_id: id,
      redirect_uris: ["http://127.0.0.1/callback"],
      token_endpoint_auth_method: "client_secret_basic",
    }),
  }),
};

beforeAll(async () => {
  server = await secureServer((request, response) => {
    const found = documents[request.url ?? ""]?.(server.url + (request.url ?? ""));
    const headers = found?.location ? { location: found.location } : {};
    response.writeHead(found?.status ?? (found ? 200 : 404), headers).end(found?.body);
  });
});

const read = (id: string): ReturnType<typeof findClient> =>
  findClient({ db: undefined as never, readDocument: (clientId) => fetchDocument(clientId, server) }, server.url + id);

describe("a client that is its own metadata document", () => {
  test("is who its document says", async () => {
    expect(await read("/good.json")).toEqual({
      id: `${server.url}/good.json`,
      name: "Good",
      redirectUris: ["http://127.0.0.1:7777/callback"],
    });
  });

  test.each([
    ["/other.json", "is about another client"],
    ["/moved.json", "status 302"],
    ["/large.json", "larger than 65536 bytes"],
    ["/text.json", "not JSON"],
    ["/absent.json", "status 404"],
    ["/secret.json", "only none is supported"],
  ])("%s is refused: %s", async (path, why) => {
    await expect(read(path)).rejects.toThrow(why);
  });

  test("is not read from a machine of the own network, whatever its name", async () => {
    expect(isPublic("127.0.0.1")).toBe(false);
    await expect(fetchDocument(`${server.url.replace("client.example", "localhost")}/good.json`)).rejects.toThrow(
      "not on the public internet",
    );
  });
});
