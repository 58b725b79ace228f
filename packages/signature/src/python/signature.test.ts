import { describe, expect, test } from "vitest";
import { parameterNames, parseSignature, type Argument, type Signature, type Typ } from "../index.ts";

function parse(content: string, entrypoint?: string): Signature {
  const found = parseSignature("python3", content, entrypoint);
  if (found === null) throw new Error("python3 has no parser");
  return found;
}

function argument(parameter: string, declarations = ""): Partial<Argument> {
  const found = parse(`${declarations}\ndef main(${parameter}):\n    pass`);
  return found.valid ? (found.args[0] ?? {}) : {};
}

const STRING: Typ = { str: null };
const OBJECT: Typ = { object: { name: null, props: [] } };
const COLOR = "class Color(Enum):\n    RED = 'red'\n    BLUE = 'blue'\n";

describe("a parameter has the type its annotation says", () => {
  test.each<[string, Typ]>([
    ["x", "unknown"],
    ["x: str", STRING],
    ["x: int", "int"],
    ["x: float", "float"],
    ["x: bool", "bool"],
    ["x: dict", OBJECT],
    ["x: list", { list: STRING }],
    ["x: List[int]", { list: "int" }],
    ["x: list[str]", { list: STRING }],
    ["x: Literal['a', 'b']", { str: ["a", "b"] }],
    ["x: bytes", "bytes"],
    ["x: datetime", "datetime"],
    ["x: datetime.datetime", "datetime"],
    ["x: date", "date"],
    ["x: c_customer", { resource: "c_customer" }],
    ["x: Any", { resource: "Any" }],
    ["x: tuple", { resource: "tuple" }],
    ["x: wmill.S3Object", { resource: "s3_object" }],
    ["x: DynSelect_f", { dynselect: "f" }],
  ])("%s", (parameter, typ) => {
    expect(argument(parameter)).toEqual({ name: "x", typ, default: null, hasDefault: false });
  });
});

describe("a parameter that may be absent has a default", () => {
  test.each<[string, Typ, Argument["default"]]>([
    ["x: Optional[str]", STRING, null],
    ["x: str | None", STRING, null],
    ["x = 3", "int", 3],
    ["x = 1e3", "float", 1000],
    ["x = 'a' \"b\"", STRING, "ab"],
    ["x = None", "unknown", null],
    ["x: Union[str, int] = 1", "int", 1],
    ["x: Dict = {}", { resource: "Dict" }, {}],
    ["x: datetime = datetime.now()", "datetime", "<function call>"],
    ["x = {'a': [1]}", { object: { name: null, props: [{ key: "a", typ: { list: "int" } }] } }, { a: [1] }],
  ])("%s", (parameter, typ, value) => {
    expect(argument(parameter)).toEqual({ name: "x", typ, default: value, hasDefault: true });
  });
});

describe("classes of the file", () => {
  test("an enumeration gives its values, and those to defaults", () => {
    expect(argument("x: Color = Color.RED", COLOR)).toMatchObject({ typ: { str: ["red", "blue"] }, default: "red" });
  });

  test("a list of an enumeration is one of resources", () => {
    expect(argument("x: list[Color]", COLOR)).toMatchObject({ typ: { list: { resource: "Color" } } });
  });

  test.each([
    "@dataclass\nclass D:",
    "@dataclass(frozen=True)\nclass D:",
    "class D(BaseModel):",
    "class D(pydantic.BaseModel):",
  ])("%j is an object", (head) => {
    const typ = { object: { name: "D", props: [{ key: "a", typ: STRING }] } };
    expect(argument("x: D", `${head}\n    """text\nwith a line at the margin"""\n    a: str\n`)).toMatchObject({ typ });
  });

  test("a dictionary type or an alias is a resource", () => {
    expect(argument("x: D", "class D(TypedDict):\n    a: str\n")).toMatchObject({ typ: { resource: "D" } });
    expect(argument("x: postgresql", "postgresql = dict\n")).toMatchObject({ typ: { resource: "postgresql" } });
  });
});

test("a negative default is lost, so the parameter is required", () => {
  expect(argument("x: int = -1")).toEqual({ name: "x", typ: "int", default: null, hasDefault: false });
});

test("stars set flags, and what can be passed one way only is no argument", () => {
  expect(parse("def main(a, /, b, *args, c=1, **kw): pass")).toMatchObject({
    args: [{ name: "b" }],
    starArgs: true,
    starKwargs: true,
  });
});

test("a wrapper learns how each parameter can be passed, and whether Python needs it", () => {
  expect(parameterNames("python3", "async def f(a, /, b: Optional[date], *, c: bytes = b''): pass", "f")).toEqual([
    { name: "a", kind: "plain", hasDefault: false, passing: "positional" },
    { name: "b", kind: "date", hasDefault: false, passing: "either" },
    { name: "c", kind: "bytes", hasDefault: true, passing: "keyword" },
  ]);
  expect(parameterNames("python3", "def main(): pass", "preprocessor")).toBeNull();
});

test("the docstring describes arguments", () => {
  const docstring =
    '"""Does it.\n\n    Args:\n        a (str): the name\n        b: no such\n    Returns:\n        a: no\n    """';
  expect(parse(`def main(a: str):\n    ${docstring}\n    pass`)).toMatchObject({
    args: [{ name: "a", otyp: "the name" }],
  });
});

test.each([
  ["def main(a): pass", null],
  ["async def main(a): pass", null],
  ["def other(): pass", "lib"],
  ["class A:\n    def main(self): pass", "lib"],
  ["import wmill\n@workflow\nasync def main(): pass", "wac"],
])("%j is of its kind", (content, autoKind) => {
  expect(parse(content)).toMatchObject({ valid: true, autoKind });
});

test.each(["def main(a", "def main(a, a): pass", "def main(a=1, b): pass", "def main(*): pass", "def main(a b): pass"])(
  "%j is invalid",
  (content) => {
    expect(parse(content).valid).toBe(false);
  },
);

test("a body with errors does not hide the signature", () => {
  expect(parse("def main(a: str):\n    x = = 1\n  y")).toMatchObject({ args: [{ name: "a" }] });
});
