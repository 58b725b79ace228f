import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runBuild } from "./build-service.ts";

const simple = { stdin: { contents: "let a = 1; export { a }" }, write: false, logLevel: "silent" } as const;

/** The compiler's processes below this one, on Linux. */
function compilers(): number[] {
  return readdirSync("/proc/self/task")
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" "))
    .filter((pid) => pid !== "" && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("esbuild"))
    .map(Number);
}

test.runIf(process.platform === "linux")("builds go on when the compiler's process ends under them", async () => {
  await runBuild(simple);
  const large = { ...simple, stdin: { contents: `x = [${"a,".repeat(200_000)}]` } };
  const running = [runBuild(large), runBuild(large)];
  for (const pid of compilers()) process.kill(pid, "SIGKILL");
  const results = await Promise.all([...running, runBuild(simple)]);
  expect(results.map((result) => result.outputFiles?.length)).toEqual([1, 1, 1]);
  expect(compilers()).toHaveLength(1);
});
