import { expect, test } from "vitest";
import { meetsVersion, readPythonAnnotations } from "./annotations.ts";
import { packagesOfImport } from "./package-names.ts";

test("a requirements block ends with the first line that is no comment", () => {
  const { requirements, extra } = readPythonAnnotations(
    "#requirements:\n#requests==2.1\n# httpx[http2]>1 # why\n\n#extra_requirements:\n#six\nimport x",
  );
  expect(requirements).toEqual(["requests==2.1", "httpx[http2]>1"]);
  expect(extra).toEqual(["six"]);
});

test("inline script metadata gives the Python and the packages", () => {
  const source = `# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "requests<3",\n#   'psycopg[binary]',\n# ]\n# ///\nimport requests`;
  expect(readPythonAnnotations(source)).toMatchObject({
    python: ">=3.11",
    requirements: ["requests<3", "psycopg[binary]"],
  });
});

test("pins stand on import lines", () => {
  const { pins, repins } = readPythonAnnotations(
    "import yaml # pin: PyYAML==6.0\nfrom bs4.x import y  # repin: beautifulsoup4==4\n",
  );
  expect([...pins, ...repins]).toEqual([
    ["yaml", "PyYAML==6.0"],
    ["bs4", "beautifulsoup4==4"],
  ]);
});

test.each([
  ["#py311\ndef main(): pass", "==3.11.*"],
  ["# py: >=3.12\nimport x", ">=3.12"],
  ["import x\n# py: 3.12", null],
])("%j asks for %s", (source, python) => {
  expect(readPythonAnnotations(source).python).toBe(python);
});

test.each([
  ["3.11.7", ">=3.11,<3.13", true],
  ["3.11.7", "3.12", false],
  ["3.11.7", "==3.11.*", true],
  ["3.11.7", ">3.11", false],
  ["3.11.7", "<=3.11", true],
  ["3.12.0", "~=3.11", true],
  ["4.0.0", "~=3.11", false],
  ["3.9.1", "!=3.9.*", false],
])("%s against %s is %s", (version, specifier, met) => {
  expect(meetsVersion(version, specifier)).toBe(met);
});

test.each([
  ["yaml", [], ["PyYAML"]],
  ["google.cloud", ["storage", "secret_manager"], ["google-cloud-storage", "google-cloud-secret-manager"]],
  ["google.cloud.bigquery.table", ["Table"], ["google-cloud-bigquery"]],
  ["google.oauth2.service_account", [], ["google-auth"]],
  ["azure.storage.blob", ["BlobClient"], ["azure-storage-blob"]],
  ["constructor", [], ["constructor"]],
])("%s %j comes from %j", (module, names, packages) => {
  expect(packagesOfImport(module, names)).toEqual(packages);
});

test.each([
  "\n",
  "# ",
  "import x # pin: ",
  "#requirements:\n#",
  "import a\t",
  "# /// script\n",
  "dependencies = [\n",
  " ",
])("half a megabyte of %j takes no time", (piece) => {
  const started = performance.now();
  readPythonAnnotations(piece.repeat(Math.ceil(500_000 / piece.length)));
  expect(performance.now() - started).toBeLessThan(2000);
});
