import { Hono } from "hono";
import { TrieRouter } from "hono/router/trie-router";
import { expect, test } from "vitest";
import { RememberingRouter } from "./remembering-router.ts";

async function ask(app: Hono, path: string, method = "GET"): Promise<string> {
  return (await app.request(path, { method })).text();
}

test("a path is answered the same the first time and every other time, by its own route and method", async () => {
  const app = new Hono({ router: new RememberingRouter(new TrieRouter()) });
  app.get("/w/:workspace/get/:path{.+}", (c) => c.text(JSON.stringify(c.req.param())));
  app.post("/w/:workspace/get/:path{.+}", (c) => c.text(`post ${c.req.param("path")}`));
  for (let n = 0; n < 2; n += 1) {
    expect(await ask(app, "/w/a/get/u/x/y")).toBe('{"workspace":"a","path":"u/x/y"}');
    expect(await ask(app, "/w/b/get/u/x/y")).toBe('{"workspace":"b","path":"u/x/y"}');
    expect(await ask(app, "/w/a/get/u/x/y", "POST")).toBe("post u/x/y");
    expect(await ask(app, "/w/a/put/u")).toBe("404 Not Found");
  }
});

test("a route that is added later is found on a path that was asked for before", () => {
  const router = new RememberingRouter<string>(new TrieRouter());
  router.add("GET", "/a", "first");
  expect(router.match("GET", "/b")[0]).toEqual([]);
  router.add("GET", "/b", "second");
  expect(router.match("GET", "/b")[0][0]?.[0]).toBe("second");
});

test("it does not grow with what it is asked for", () => {
  let searches = 0;
  const trie = new TrieRouter<string>();
  trie.add("GET", "/:name", "any");
  const router = new RememberingRouter<string>({
    name: "counting",
    add: () => undefined,
    match(method, path) {
      searches += 1;
      return trie.match(method, path);
    },
  });
  const ask = (path: string): unknown => router.match("GET", path)[0][0]?.[1];
  for (const long of [1, 2]) expect([long, ask(`/${"x".repeat(1000)}`)]).toEqual([long, { name: "x".repeat(1000) }]);
  expect(searches).toBe(2);
  for (let n = 0; n < 1001; n += 1) ask(`/n${n}`);
  ask("/n1000");
  expect(searches).toBe(1003);
  ask("/n0");
  expect(searches).toBe(1004);
});
