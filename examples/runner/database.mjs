// A PostgreSQL for the scripts to work on. The embedded one listens on a unix socket that jobs cannot see, as the
// platform's own does, so this one gets a door on the loopback interface.
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { startEmbedded } from "@towermill/store";

/** Starts it; answers the value of a `postgresql` resource, and how to stop it. */
export async function startDatabase(folder) {
  const server = await startEmbedded({ dataFolder: join(folder, "database"), durable: false });
  // postgresql://user:password@/name?host=folder has no host part, which URL does not read
  const [, user, password, dbname, socketFolder] = /^postgresql:\/\/([^:]+):([^@]+)@\/([^?]+)\?host=(.+)$/.exec(server.url);
  const door = createServer((client) => relay(client, join(decodeURIComponent(socketFolder), ".s.PGSQL.5432")));
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  return {
    resource: { host: "127.0.0.1", port: door.address().port, user, password, dbname, sslmode: "disable" },
    stop: async () => {
      door.close();
      await server.stop();
    },
  };
}

function relay(client, socketPath) {
  const upstream = connect(socketPath);
  client.pipe(upstream).pipe(client);
  client.on("error", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
}
