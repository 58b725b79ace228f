import { expect, test } from "vitest";
import { layOutModules } from "./layout.ts";

test.each([
  ["f/my-tools/2fa check", "f/my_tools/_2fa_check.py"],
  ["../../etc/passwd", "__/__/etc/passwd.py"],
  ["/u/a@b.com/x", "u/a_b_com/x.py"],
])("the script %s lies in %s", (path, file) => {
  expect(layOutModules({ modules: new Map([[path, "x"]]), imports: [] })).toEqual({
    files: new Map([[file, "x"]]),
    entry: file,
  });
});

test("a script and an import whose names become equal both keep a file", () => {
  const modules = new Map([
    ["f/a/b-c", "script"],
    ["f/a/b_c", "import"],
  ]);
  const { files, entry } = layOutModules({ modules, imports: [] });
  expect(entry).toBe("f/a/b_c_.py");
  expect([...files]).toEqual([
    ["f/a/b_c.py", "import"],
    ["f/a/b_c_.py", "script"],
  ]);
});
