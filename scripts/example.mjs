// `npm run example`: pushes examples/blueprint with the official command line and runs its scripts, after installing and
// building what is missing. See examples/blueprint/README.md.
import { prepare } from "./prepare.mjs";

prepare();
await import("../examples/runner/main.mjs");
