import { describe, expect, test } from "vitest";
import { refusedCalls, seccompFilter } from "./seccomp.ts";

const allow = 0x7fff0000;
const kill = 0x80000000;
const eperm = 0x00050001;
const enosys = 0x00050026;

/** Runs the filter as the kernel would. */
function judge(filter: Buffer, call: { number: number; architecture: number; argument?: number }): number {
  const data = new Map([
    [0, call.number],
    [4, call.architecture],
    [16, call.argument ?? 0],
  ]);
  let loaded = 0;
  for (let at = 0; ; at += 1) {
    const code = filter.readUInt16LE(at * 8);
    const [jt, jf, k] = [filter.readUInt8(at * 8 + 2), filter.readUInt8(at * 8 + 3), filter.readUInt32LE(at * 8 + 4)];
    if (code === 0x20) loaded = data.get(k) ?? 0;
    else if (code === 0x06) return k;
    else {
      const holds = code === 0x15 ? loaded === k : code === 0x35 ? loaded >= k : (loaded & k) !== 0;
      at += holds ? jt : jf;
    }
  }
}

describe.each([
  ["x64", 0xc000003e, { read: 0, clone: 56, execve: 59 }],
  ["arm64", 0xc00000b7, { read: 63, clone: 220, execve: 221 }],
] as const)("the filter of %s", (name, architecture, calls) => {
  const filter = seccompFilter(name) ?? Buffer.alloc(0);

  test.each(Object.entries(refusedCalls(name)))("refuses %s", (_, number) => {
    expect(judge(filter, { number, architecture })).toBe(eperm);
  });

  test("allows ordinary calls and threads, refuses namespaces by clone and hides clone3", () => {
    expect(judge(filter, { number: calls.read, architecture })).toBe(allow);
    expect(judge(filter, { number: calls.execve, architecture })).toBe(allow);
    expect(judge(filter, { number: calls.clone, architecture, argument: 0x3d0f00 })).toBe(allow);
    expect(judge(filter, { number: calls.clone, architecture, argument: 0x10000011 })).toBe(eperm);
    expect(judge(filter, { number: 435, architecture })).toBe(enosys);
  });

  test("ends a process that uses another architecture's calls", () => {
    expect(judge(filter, { number: calls.read, architecture: 0x40000003 })).toBe(kill);
    if (name === "x64") expect(judge(filter, { number: 0x40000000, architecture })).toBe(kill);
  });
});

test("an architecture without a table has no filter", () => {
  expect(seccompFilter("riscv64")).toBeUndefined();
});
