// `npm run check`: everything CI checks, in the order of cost. `--no-tests` leaves the tests out.
import { join } from "node:path";
import { prepare, root, run } from "./prepare.mjs";

prepare();
const bin = (...parts) => join(root, "node_modules", ...parts);
const steps = [
  ["format", [bin("prettier", "bin", "prettier.cjs"), "--check", "--log-level", "warn", "."]],
  ["lint", [bin("oxlint", "bin", "oxlint"), "--deny-warnings", "packages", "scripts", "tests", "bench"]],
  ["types", [bin("typescript", "bin", "tsc"), "-p", "tsconfig.tests.json", "--noEmit"]],
  ["dependency direction", [join(root, "scripts", "check-direction.mjs")]],
  ["documentation", [join(root, "scripts", "docs.mjs"), "--check"]],
  ["branches of the flow engine", [bin("vitest", "vitest.mjs"), "run", "packages/openflow", "--coverage.enabled"]],
  ["dead code", [bin("knip", "bin", "knip.js"), "--no-progress"]],
];
for (const [name, args] of steps) {
  console.error(`check: ${name}`);
  run(process.execPath, args);
}
if (!process.argv.includes("--no-tests")) run(process.execPath, [join(root, "scripts", "test.mjs")]);
