// `npm run chaos`: the long form of the chaos tests, 20 kills each.
import { join } from "node:path";
import { prepare, root, run } from "./prepare.mjs";

prepare();
run(
  process.execPath,
  [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "tests/chaos", ...process.argv.slice(2)],
  {
    env: { CHAOS_KILLS: "20", ...process.env },
  },
);
