export { ensureFirstAdmin } from "./identity/first-admin.ts";
export { createServer, listen, type Fetch, type Listening, type Server } from "./server.ts";
export type { Clock, Services } from "./services.ts";
