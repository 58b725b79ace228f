import * as fc from "fast-check";
import { expect, test } from "vitest";
import { advance } from "./advance.ts";
import { readFlow } from "./body.ts";
import { Driver } from "./driver.fixture.ts";
import { anyFlow, exprs, fateOf, runs } from "./oracle.fixture.ts";
import { initialStatus } from "./initial-status.ts";

const order = fc.infiniteStream(fc.nat(1000));
const args = { start: 1 };
const settings = { numRuns: 400 };

function normal(result: unknown): unknown {
  return JSON.parse(JSON.stringify(result).replace(/"handler-[-\d]+"/g, '"handler"'));
}

test("any order in which jobs end leads to what the flow says", () => {
  fc.assert(
    fc.property(anyFlow, order, (flow, picks) => {
      const driver = new Driver({ flow, args, exprs, runs });
      driver.drain((count) => (picks.next().value ?? 0) % count);
      const fate = fateOf(flow, readFlow(flow).modules, args);
      expect(driver.end).toMatchObject({ status: fate.success ? "success" : "failure", handled: fate.handled });
      expect(normal(driver.end?.value)).toEqual(normal(fate.result));
      for (const { end } of driver.flows.values()) expect(end).not.toBeNull();
    }),
    settings,
  );
});

test("no event counts twice, whenever it is repeated", () => {
  fc.assert(
    fc.property(anyFlow, order, (flow, picks) => {
      const driver = new Driver({ flow, args, exprs, runs });
      while (driver.waiting.length > 0) {
        driver.runOne((picks.next().value ?? 0) % driver.waiting.length);
        for (const [job, { log }] of driver.flows)
          for (const { event } of log.slice(-3)) expect(driver.send({ ...event, at: driver.now }, job)).toBe(false);
      }
      expect(driver.end).not.toBeNull();
    }),
    settings,
  );
});

test("the log of events gives the same statuses and children again", () => {
  fc.assert(
    fc.property(anyFlow, order, (flow, picks) => {
      const driver = new Driver({ flow, args, exprs, runs });
      driver.drain((count) => (picks.next().value ?? 0) % count);
      for (const { run, log } of driver.flows.values()) {
        let status = initialStatus(run.flow);
        for (const { event, answers, ...moved } of log) {
          const again = advance(run, status, event, answers);
          expect(again).toEqual({ kind: "moved", ...moved });
          if (again.kind === "moved") status = again.status;
        }
      }
    }),
    settings,
  );
});

test("a flow can be cancelled at any moment, and ends with it", () => {
  fc.assert(
    fc.property(anyFlow, order, fc.nat(20), (flow, picks, moment) => {
      const driver = new Driver({ flow, args, exprs, runs });
      for (let count = 0; count < moment && driver.waiting.length > 0; count++)
        driver.runOne((picks.next().value ?? 0) % driver.waiting.length);
      const ended = driver.end !== null;
      expect(driver.send({ type: "cancel", at: driver.now, by: "u/me", reason: null })).toBe(!ended);
      if (!ended) expect(driver.flow().end).toMatchObject({ status: "canceled" });
    }),
    settings,
  );
});
