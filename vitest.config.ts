import { defineConfig } from "vitest/config";

/** Tests run the TypeScript sources of every package (the `source` export condition), beside the code and in `tests/`. */
export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "tests/**/*.test.ts", "scripts/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 120_000,
    globalSetup: ["packages/testkit/src/global-setup.ts"],
  },
});
