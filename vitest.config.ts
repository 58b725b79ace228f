import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests run the TypeScript sources of every package, beside the code and in `tests/`. */
export default defineConfig({
  resolve: {
    alias: [
      {
        find: /^@towermill\/([^/]+)$/,
        replacement: fileURLToPath(new URL("./packages/$1/src/index.ts", import.meta.url)),
      },
    ],
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    // many tests wait for real processes: one worker a core keeps both cores busy
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    globalSetup: ["packages/testkit/src/global-setup.ts"],
    // `npm run check` holds the flow engine to this: what a flow does must not depend on a case that no test has seen
    coverage: {
      provider: "v8",
      include: ["packages/openflow/src/**/*.ts"],
      exclude: ["**/*.test.ts", "**/*.fixture.ts"],
      thresholds: { branches: 100 },
      reporter: ["text-summary"],
      reportsDirectory: ".build/coverage",
    },
  },
});
