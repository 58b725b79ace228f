import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { whenDone } from "@towermill/testkit";

/**
 * A proxy that adds the `Authorization` header and passes everything else on untouched, for test tools that can send
 * none. @returns its address
 */
export async function authorizingProxy(target: string, token: string): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const headers = [...incoming.rawHeaders, "Authorization", `Bearer ${token}`];
    const passed = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers, setHost: false } as never,
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.rawHeaders as never);
        answer.pipe(outgoing);
      },
    );
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenDone(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
