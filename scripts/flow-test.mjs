// `npm run flow-test -- <folder> --url <address> --token <token> [--workspace <id>]`: runs the flow tests (`*.flow.test.yaml`)
// of a folder against a server and says which cases went as expected. What such a file holds: docs/flows.md.
import { parseArgs } from "node:util";
import { openApi } from "./flow-test/api.mjs";
import { runCase } from "./flow-test/case.mjs";
import { findTests, readTest } from "./flow-test/file.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: process.env.BASE_URL ?? "http://localhost:8000" },
    token: { type: "string", default: process.env.WM_TOKEN },
    workspace: { type: "string", default: process.env.WM_WORKSPACE ?? "admins" },
  },
});
const folder = positionals[0] ?? "examples/flows/tests";

if (!values.token) {
  console.error("A token is needed: --token <token>, or the environment variable WM_TOKEN");
  process.exit(2);
}
const files = findTests(folder);
if (files.length === 0) {
  console.error(`${folder} holds no *.flow.test.yaml`);
  process.exit(2);
}

const api = openApi(values);
let failures = 0;
for (const file of files) {
  const test = readTest(file);
  for (const flow of test.needs) await api.deploy(flow);
  const value = test.path ? await api.deployedValue(test.path) : test.flow.value;
  for (const each of test.cases) {
    const began = performance.now();
    const problems = await runCase(api, { value, path: test.path ?? test.flow.path, each }).catch((error) => [
      error.message,
    ]);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${test.name}: ${each.name} (${seconds} s)`);
    for (const problem of problems) console.log(`       ${problem}`);
    if (problems.length > 0) failures += 1;
  }
}
process.exit(failures === 0 ? 0 : 1);
