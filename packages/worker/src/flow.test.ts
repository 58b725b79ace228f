import { expect, test } from "vitest";
import { code, openFlowWorld } from "./flow-world.fixture.ts";

const world = await openFlowWorld();

test("steps run one after the other, each with the results of those before", async () => {
  const ran = await world.run(
    {
      modules: [
        code("a", "export function main(x: number) { return x + 1 }", { x: "flow_input.x" }),
        code("b", "export function main(y: number) { return { y: y * 2 } }", { y: "results.a" }),
        code("c", "export function main(z: number, a: number) { return [z, a] }", {
          z: "previous_result.y + 1",
          a: "results.a",
        }),
      ],
    },
    { x: 1 },
  );
  expect(ran).toMatchObject({ status: "success", result: [5, 2] });
  expect(ran.flow.step).toBe(3);
  expect(ran.flow.modules.map(({ type, id }) => [id, type])).toEqual([
    ["a", "Success"],
    ["b", "Success"],
    ["c", "Success"],
  ]);
});

test("an empty flow gives its arguments", async () => {
  expect(await world.run({ modules: [] }, { x: 1 })).toMatchObject({ status: "success", result: { x: 1 } });
});

test("a step that fails ends the flow with its error", async () => {
  const ran = await world.run({
    modules: [code("a", `export function main() { throw new Error("no") }`), code("b", "export function main() {}")],
  });
  expect(ran).toMatchObject({ status: "failure", result: { error: { message: "no" } } });
  expect(ran.flow.modules.map(({ type }) => type)).toEqual(["Failure", "WaitingForPriorSteps"]);
});
