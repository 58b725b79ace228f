import { findNpmProgram } from "../cache/npm-program.ts";

const arch = process.arch === "arm64" ? "aarch64" : process.arch;
const platform = `@oven/bun-${process.platform}-${arch}`;

let found: Promise<string | null> | undefined;

/** Absolute path of the bun program that npm brought, or `null`. */
export function findBun(): Promise<string | null> {
  found ??= findNpmProgram([
    { package: platform, file: "bin/bun" },
    { package: `${platform}-musl`, file: "bin/bun" },
    // Where the install script moves it.
    { package: "bun", file: "bin/bun.exe" },
  ]);
  return found;
}
