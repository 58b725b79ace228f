export { ensureFirstAdmin } from "./identity/first-admin.ts";
export { createServer, listen, type Listening } from "./server.ts";
export type { Clock, Services } from "./services.ts";
