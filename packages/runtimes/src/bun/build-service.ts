import { build, type BuildOptions, type BuildResult, stop } from "esbuild";
import { parseSignature } from "@towermill/signature";
import { prepareFailure } from "../cache/failure.ts";

/** Sources this short cannot be nested deeply enough to harm the compiler. */
const harmlessLength = 1500;
const attempts = 3;

let generation = 0;

/**
 * Runs one build in esbuild's long-lived process. A source (of a package, say) that overflows its stack ends that
 * process for everybody; it is then started again and the builds it took down are repeated.
 *
 * @throws PrepareFailure `SyntaxError` when the build ends the process each time
 */
export async function runBuild<T extends BuildOptions>(options: T): Promise<BuildResult<T>> {
  for (let attempt = 1; ; attempt += 1) {
    const before = generation;
    try {
      return await build<T>(options as Parameters<typeof build<T>>[0]);
    } catch (error) {
      if (!(error instanceof Error) || !/^The service (?:was stopped|is no longer running)/.test(error.message))
        throw error;
      if (before === generation) {
        generation += 1;
        await stop();
      }
      if (attempt === attempts) {
        throw prepareFailure(
          "SyntaxError",
          "The compiler gave up on this script or one of its packages: too deeply nested.",
        );
      }
    }
  }
}

/**
 * Refuses a source nested so deeply that the compiler would overflow its stack.
 *
 * @throws PrepareFailure `SyntaxError`
 */
export function refuseDeepNesting(file: string, content: string): void {
  if (content.length < harmlessLength) return;
  const signature = parseSignature("bun", content);
  if (signature === null || signature.valid || !signature.reason.includes("nested too deeply")) return;
  throw prepareFailure("SyntaxError", `${file}: the source is nested too deeply to be compiled.`, { file });
}
