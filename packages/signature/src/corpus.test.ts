import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { parseSignature, type Signature, type Typ } from "./index.ts";

/** What the official parsers answer; they run here as an oracle and are no part of the product. */
type OfficialArgument = { name: string; typ: Typ; default?: unknown; has_default: boolean; otyp: string | null };
type Official = {
  type?: "Invalid";
  args: OfficialArgument[];
  star_args: boolean;
  star_kwargs: boolean;
  auto_kind: string | null;
  has_preprocessor: boolean | null;
};

const require = createRequire(import.meta.url);

async function officialParser(packageName: string, functionName: string): Promise<(content: string) => Official> {
  const parser = await import(pathToFileURL(require.resolve(packageName)).href);
  await parser.default({
    module_or_path: readFileSync(require.resolve(`${packageName}/windmill_parser_wasm_bg.wasm`)),
  });
  return (content) => JSON.parse(parser[functionName](content)) as Official;
}

function ofOfficial(found: Official): unknown {
  if (found.type === "Invalid") return "invalid";
  return {
    args: found.args.map((arg) => ({
      name: arg.name,
      typ: sorted(arg.typ),
      default: arg.default ?? null,
      hasDefault: arg.has_default,
      otyp: arg.otyp ?? undefined,
    })),
    autoKind: found.auto_kind ?? null,
    hasPreprocessor: found.has_preprocessor === true,
    stars: [found.star_args, found.star_kwargs],
  };
}

function ofOurs(found: Signature | null): unknown {
  if (!found?.valid) return "invalid";
  return {
    args: found.args.map((arg) => ({ ...arg, typ: sorted(arg.typ), otyp: arg.otyp })),
    autoKind: found.autoKind,
    hasPreprocessor: found.hasPreprocessor,
    stars: [found.starArgs, found.starKwargs],
  };
}

/** The official parser leaves out the database that the command line then puts in front. */
function withoutDatabase(found: Signature | null): Signature | null {
  return found?.valid ? { ...found, args: found.args.filter(({ name }) => name !== "database") } : found;
}

/** The official Python parser answers the keys of a dictionary in random order. */
function sorted(typ: Typ): Typ {
  if (typeof typ === "string") return typ;
  if ("list" in typ) return { list: sorted(typ.list) };
  if (!("object" in typ) || typ.object.props === null) return typ;
  const props = typ.object.props.map((prop) => ({ key: prop.key, typ: sorted(prop.typ) }));
  return { object: { name: typ.object.name, props: props.sort((a, b) => (a.key < b.key ? -1 : 1)) } };
}

describe("agrees with the official parser on every script of the corpus", () => {
  test.each([
    ["bun", "typescript", "windmill-parser-wasm-ts", "parse_deno"],
    ["python3", "python", "windmill-parser-wasm-py", "parse_python"],
    ["bash", "bash", "windmill-parser-wasm-regex", "parse_bash"],
    ["postgresql", "postgresql", "windmill-parser-wasm-regex", "parse_sql"],
  ])("%s", async (language, file, packageName, functionName) => {
    const official = await officialParser(packageName, functionName);
    const scripts = readFileSync(new URL(`../corpus/${file}.txt`, import.meta.url), "utf8").split("\n====\n");
    expect(scripts.length).toBeGreaterThanOrEqual(60);
    for (const script of scripts) {
      const signature = parseSignature(language, script);
      const ours = language === "postgresql" ? withoutDatabase(signature) : signature;
      expect({ script, found: ofOurs(ours) }).toEqual({
        script,
        found: ofOfficial(official(script)),
      });
    }
  });
});
