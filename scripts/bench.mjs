// `npm run bench`: the benchmarks, see bench/README.md.
import { join } from "node:path";
import { prepare, root, run } from "./prepare.mjs";

prepare();
run(process.execPath, [join(root, "bench", "main.mjs"), ...process.argv.slice(2)]);
