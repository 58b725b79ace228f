import { expect, test } from "vitest";
import { Peers } from "./peers.ts";

test("a process assumes company until it had time to hear somebody, then only whom it hears", () => {
  const peers = new Peers(0);
  expect(peers.mayListen(5_000)).toBe(true);
  expect(peers.mayListen(11_000)).toBe(false);
  expect(peers.hear("other", 12_000)).toBe(true);
  expect(peers.hear("other", 16_000)).toBe(false);
  expect(peers.mayListen(30_000)).toBe(true);
  expect(peers.mayListen(32_000)).toBe(false);
  expect(peers.hear("other", 33_000)).toBe(true);
});
