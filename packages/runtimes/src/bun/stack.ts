import { readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { basename } from "node:path";

const maps = new Map<string, SourceMap | null>();
const maxMaps = 200;

/**
 * Rewrites the frames of a stack that lie in a bundle to workspace file, line and column, such as
 * `f/tools/hello.ts:3:9`. Frames are recognised by the bundle's file name, wherever the sandbox showed it.
 *
 * @param entry the bundle on this machine (`Prepared.entry`); a file without a source map beside it changes nothing
 */
export async function mapStack(stack: string, entry: string): Promise<string> {
  const map = await readMap(entry);
  if (map === null) return stack;
  const frame = new RegExp(
    String.raw`(?:file://)?/[^\s()]{0,400}?${basename(entry).replaceAll(".", "\\.")}:(\d+):(\d+)`,
    "g",
  );
  return stack.replace(frame, (whole, line: string, column: string) => {
    const origin = map.findEntry(Number(line) - 1, Number(column) - 1);
    if (!("originalSource" in origin)) return whole;
    const file = origin.originalSource.replace(/^.*?workspace:/, "").replace(/^.*\/node_modules\//, "");
    return `${file}:${String(origin.originalLine + 1)}:${String(origin.originalColumn + 1)}`;
  });
}

async function readMap(entry: string): Promise<SourceMap | null> {
  const known = maps.get(entry);
  if (known !== undefined) return known;
  const text = await readFile(`${entry}.map`, "utf8").catch(() => null);
  const map = text === null ? null : new SourceMap(JSON.parse(text));
  maps.set(entry, map);
  const oldest = maps.keys().next();
  if (maps.size > maxMaps && oldest.done !== true) maps.delete(oldest.value);
  return map;
}
