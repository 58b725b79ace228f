import { describe, expect, test } from "vitest";
import { isConflict, isConnectionLoss } from "./failure.ts";
import { retrying } from "./retry.ts";

const failure = (code: string) => Object.assign(new Error(code), { code });

describe("retrying", () => {
  const failing = (errors: Error[]) => {
    let tries = 0;
    return async () => {
      const error = errors[tries++];
      if (error !== undefined) throw error;
      return tries;
    };
  };

  test("goes on through conflicts", async () => {
    expect(await retrying(failing([failure("40001"), failure("40P01")]), { retry: "conflict", pauseMs: 1 })).toBe(3);
  });

  test("goes on through lost connections only for idempotent work", async () => {
    const lost = () =>
      failing([failure("ECONNRESET"), new Error("Connection terminated unexpectedly"), failure("57P03")]);
    expect(await retrying(lost(), { retry: "idempotent", pauseMs: 1 })).toBe(4);
    await expect(retrying(lost(), { retry: "conflict", pauseMs: 1 })).rejects.toThrow("ECONNRESET");
    await expect(retrying(failing([failure("40001")]), { retry: "never" })).rejects.toThrow("40001");
  });

  test("never repeats what the work itself got wrong", async () => {
    await expect(retrying(failing([failure("23505")]), { retry: "idempotent" })).rejects.toThrow("23505");
    await expect(retrying(failing([new TypeError("x")]), { retry: "idempotent" })).rejects.toThrow(TypeError);
  });

  test("gives up in time", async () => {
    const start = performance.now();
    const always = () => Promise.reject(failure("40001"));
    await expect(retrying(always, { retry: "conflict", withinMs: 60, pauseMs: 10 })).rejects.toThrow("40001");
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

test("conflicts and lost connections are told apart from other errors", () => {
  expect(["40001", "40P01", "55P03"].map(failure).every(isConflict)).toBe(true);
  expect(["08006", "57P01", "53300", "EPIPE", "ENOENT"].map(failure).every(isConnectionLoss)).toBe(true);
  for (const other of [failure("42601"), failure("57014"), new Error("x"), "ECONNRESET", null, undefined]) {
    expect(isConflict(other) || isConnectionLoss(other)).toBe(false);
  }
});
