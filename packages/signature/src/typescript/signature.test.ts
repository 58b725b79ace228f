import { describe, expect, test } from "vitest";
import { parseSignature, type Argument, type Signature, type Typ } from "../index.ts";

function parse(content: string, entrypoint?: string): Signature {
  const found = parseSignature("bun", content, entrypoint);
  if (found === null) throw new Error("bun has no parser");
  return found;
}

function argument(parameter: string, declarations = ""): Partial<Argument> {
  const found = parse(`${declarations}\nexport async function main(${parameter}) {}`);
  return found.valid ? (found.args[0] ?? {}) : {};
}

const STRING: Typ = { str: null };
const object = (name: string | null, ...keys: string[]): Typ => {
  return { object: { name, props: keys.map((key) => ({ key, typ: STRING })) } };
};

describe("a parameter has the type its annotation says", () => {
  test.each<[string, Typ]>([
    ["x: string", STRING],
    ["x: number", "float"],
    ["x: bigint", "int"],
    ["x: boolean", "bool"],
    ["x: object", object(null)],
    ["x: Date", "datetime"],
    ["x: string[]", { list: STRING }],
    ["x: any", "unknown"],
    ["x: unknown", "unknown"],
    ["x: 'a' | 'b'", { str: ["a", "b"] }],
    ["x: 'a'", { str: ["a"] }],
    ["x: 1 | 2", "unknown"],
    ["x: string | number", "unknown"],
    ["x: RT.Slack", { resource: "slack" }],
    ["x: RT.CCustomerApi", { resource: "c_customer_api" }],
    ["x: S3Object", { resource: "s3_object" }],
    ["x: Blob", { resource: "blob" }],
    ["x: Uint8Array", { resource: "uint8_array" }],
    ["x: Record<string, string>", { resource: "record" }],
    ["x: Map<string, string>", { resource: "map" }],
    ["x: Array<string>", { resource: "array" }],
    ['x: wmill.Resource<"s3">', { resource: "s3" }],
    ["x: wmill.S3Object", { resource: "s3_object" }],
    ["x: Base64", "bytes"],
    ["x: Email", "email"],
    ["x: Sql", "sql"],
    ["x: DynSelect_f", { dynselect: "f" }],
    ["x: DynMultiselect_f", { dynmultiselect: "f" }],
  ])("%s", (parameter, typ) => {
    expect(argument(parameter)).toEqual({ name: "x", typ, default: null, hasDefault: false });
  });
});

describe("a parameter that may be absent has a default", () => {
  test.each<[string, Typ, Argument["default"]]>([
    ["x?: string", STRING, null],
    ["x: string | undefined", STRING, null],
    ["x: string | null", STRING, null],
    ["x = 3", "int", 3],
    ["x = 1.5", "float", 1.5],
    ["x = 'x'", STRING, "x"],
    ["x = true", "bool", true],
    ["x = ['a']", { list: STRING }, ["a"]],
    ["x = { a: 'b' }", object(null, "a"), { a: "b" }],
    ["x = -1", "unknown", null],
    ["x = f()", "unknown", null],
    ["x = `a`", "unknown", null],
    ["x: number = -1", "float", null],
    ["x = { a: nothing }", "unknown", null],
  ])("%s", (parameter, typ, value) => {
    expect(argument(parameter)).toEqual({ name: "x", typ, default: value, hasDefault: true });
  });
});

describe("a name declared in the file is the object it stands for", () => {
  test.each<[string, string, Typ]>([
    ["type Foo = { a: string }", "x: Foo", object("foo", "a")],
    ["interface Foo { a: string }", "x: Foo", object("foo", "a")],
    ["interface Foo extends Bar { a: string } interface Bar { b: string }", "x: Foo", object("foo", "b", "a")],
    ["type Postgresql = { host: string }", "x: Postgresql", object("postgresql", "host")],
    ["enum Foo { A, B }", "x: Foo", { resource: "foo" }],
  ])("%s, %s", (declarations, parameter, typ) => {
    expect(argument(parameter, declarations)).toMatchObject({ typ });
  });

  test("and one that contains itself ends", () => {
    const deepest: Typ = { object: { name: "foo", props: null } };
    const inner: Typ = { object: { name: "foo", props: [{ key: "x", typ: deepest }] } };
    const typ: Typ = { object: { name: "foo", props: [{ key: "x", typ: inner }] } };
    expect(argument("x: Foo", "type Foo = { x: Foo }")).toMatchObject({ typ });
  });

  test("and interfaces that double with each step stay bounded", () => {
    const chain = Array.from({ length: 40 }, (_, i) => `interface A${i} extends A${i + 1}, A${i + 1} { x: string }`);
    expect(argument("x: A0", chain.join("\n"))).toMatchObject({ name: "x" });
  });
});

test.each(["label", "kind"])("objects told apart by their literal %s are alternatives", (key) => {
  const member = (label: string): object => ({ label, properties: [{ key, typ: { str: [label] } }] });
  const typ = { oneof: [member("a"), member("b")] };
  expect(argument(`x: { ${key}: 'a' } | { ${key}: 'b' }`)).toMatchObject({ typ });
});

describe("the entry point is a top-level function named main", () => {
  test.each([
    ["export async function main() {}", null, true],
    ["function main() {}", null, true],
    ["export default function main() {}", "lib", false],
    ["export const main = () => 1", "lib", false],
    ["export const main = workflow(async (a: string) => {})", "wac", true],
    ["", "lib", false],
  ])("%s", (content, autoKind, hasMain) => {
    expect(parse(content)).toMatchObject({ valid: true, autoKind, hasMain });
  });

  test("unless another one is asked for", () => {
    const content = "export function preprocessor(event: string) {}\nexport function main() {}";
    expect(parse(content, "preprocessor")).toMatchObject({ hasPreprocessor: true, args: [{ name: "event" }] });
  });
});

test.each(["...x: string[]", "[x]: string[]", "x: string,, y"])("(%s) is invalid and says why", (parameters) => {
  const found = parse(`export function main(${parameters}) {}`);
  expect(found.valid ? "" : found.reason).toMatch(/\w{4}/);
});
