import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { testDatabase, whenDone } from "@towermill/testkit";

/** A fresh database that is reached as jobs reach theirs: through TCP, with the resource that says so. */
export async function databaseForJobs(): Promise<{ resource: Record<string, unknown>; connections(): number }> {
  const { url } = await testDatabase();
  const { searchParams, username, password, pathname, port } = new URL(url.replace(/(@|:\/\/)\//, "$1localhost/"));
  const path = `${searchParams.get("host") ?? ""}/.s.PGSQL.${port || (searchParams.get("port") ?? "5432")}`;
  const open = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    const inner = connect(path);
    for (const side of [socket, inner]) {
      open.add(side);
      side.on("error", () => undefined);
      side.on("close", () => (open.delete(side), socket.destroy(), inner.destroy()));
    }
    socket.pipe(inner).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenDone(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const resource = {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    dbname: pathname.slice(1),
  };
  return { resource, connections: () => accepted };
}
