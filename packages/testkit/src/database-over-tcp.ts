import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { whenDone } from "./cleanup.ts";
import { testDatabase } from "./database.ts";

/** A database as jobs reach theirs. */
export interface DatabaseOverTcp {
  /** Value of a `postgresql` resource. */
  readonly resource: Record<string, unknown>;
  /** How many connections were made so far. */
  connections(): number;
}

/** A fresh database reached through TCP: jobs may not use sockets that are files. It goes with the test file. */
export async function databaseOverTcp(): Promise<DatabaseOverTcp> {
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
