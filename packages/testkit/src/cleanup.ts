import { afterAll, onTestFinished } from "vitest";

/** Runs `work` when the running test ends, or, called outside of a test, when the test file ends. */
export function whenDone(work: () => unknown): void {
  const run = async (): Promise<void> => {
    await work();
  };
  try {
    onTestFinished(run);
  } catch {
    afterAll(run);
  }
}
