import { expect, test } from "vitest";
import { followJobToken } from "./job-token.ts";

function recording() {
  const sent: (string | null)[] = [];
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const given = init?.headers ?? (input instanceof Request ? input.headers : undefined);
    sent.push(new Headers(given).get("authorization"));
    return new Response();
  };
  return { scope: { fetch }, sent };
}

test("a request that carries the token of an earlier job gets the one of the job that runs", async () => {
  const { scope, sent } = recording();
  const begin = followJobToken(scope);
  begin("first");
  const headers = { Authorization: "Bearer first", other: "kept" };
  await scope.fetch("http://x/", { headers });
  begin("second");
  await scope.fetch("http://x/", { headers });
  await scope.fetch("http://x/", { headers: new Headers(headers) });
  await scope.fetch("http://x/", { headers: [["authorization", "Bearer first"]] });
  await scope.fetch(new Request("http://x/", { headers }));
  begin("third");
  await scope.fetch("http://x/", { headers: { authorization: "Bearer second" } });
  expect(sent).toEqual([
    "Bearer first",
    "Bearer second",
    "Bearer second",
    "Bearer second",
    "Bearer second",
    "Bearer third",
  ]);
});

test("other credentials, and requests without any, are left alone", async () => {
  const { scope, sent } = recording();
  const begin = followJobToken(scope);
  for (const token of ["first", "second", undefined]) begin(token);
  await scope.fetch("http://x/", { headers: { authorization: "Bearer of somebody else" } });
  await scope.fetch("http://x/", { headers: { authorization: "Basic first" } });
  await scope.fetch("http://x/", { method: "POST", body: "" });
  expect(sent).toEqual(["Bearer of somebody else", "Basic first", null]);
});

test("a token that comes back is current again", async () => {
  const { scope, sent } = recording();
  const begin = followJobToken(scope);
  for (const token of ["first", "second", "first"]) begin(token);
  await scope.fetch("http://x/", { headers: { authorization: "Bearer first" } });
  await scope.fetch("http://x/", { headers: { authorization: "Bearer second" } });
  expect(sent).toEqual(["Bearer first", "Bearer first"]);
});
