// `npm run docs`: writes the pages that are derived from the code. `--check` fails when one of them is not up to date.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { settingTable } = await import(join(root, "packages/towermill/dist/setting.js"));
const { toolTable } = await import(join(root, "packages/mcp/dist/index.js"));
const { errorTable, operations, windmillOperations } = await import(join(root, "packages/contract/dist/index.js"));

const cell = (text) => String(text).replaceAll("|", "\\|").replaceAll("\n", " ");
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
const note = "<!-- Written by `npm run docs` from the code; do not edit. -->";

/** A page that is written by hand but for the part between two marks. */
function withPart(file, mark, part) {
  const [begin, end] = [`<!-- ${mark}: written by \`npm run docs\` -->`, `<!-- end of ${mark} -->`];
  const text = readFileSync(join(root, file), "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`${file} has no part ${mark}`);
  return `${text.slice(0, from + begin.length)}\n\n${part}\n\n${text.slice(to)}`;
}

const tools = toolTable(operations);
const built = new Set(operations.map((op) => `${op.method} ${op.path}`));
const pages = {
  "docs/mcp.md": withPart("docs/mcp.md", "tools", table(tools.head, tools.rows)),
  "docs/settings.md": `# Settings

${note}

Read from the environment; flags of the command win (\`towermill --help\`). A secret may lie in a file instead:
\`NAME_FILE\` names it.

${table(
  ["name", "default", "meaning"],
  settingTable().map((row) => [
    `\`${row.name}\`${row.hasFile ? " (`_FILE`)" : ""}`,
    row.fallback && `\`${row.fallback}\``,
    row.meaning,
  ]),
)}
`,
  "docs/errors.md": `# Errors

${note}

Errors are plain text, as Windmill's clients read them; with \`Accept: application/problem+json\` they carry the code, too.

${table(
  ["code", "status", "what to do"],
  errorTable.map((row) => [`\`${row.code}\``, row.status, row.hint]),
)}
`,
  "docs/api.md": `# API

${note}

${operations.length} operations, below \`/api\`. The whole document: \`GET /api/openapi.json\` or \`.yaml\`. Operations of
Windmill's API that are not built answer 501 with their id: ${windmillOperations.filter((op) => !built.has(`${op.method} ${op.path}`)).length} of ${windmillOperations.length}.

${table(
  ["operation", "method", "path", "for", "summary"],
  operations.map((op) => [op.id, op.method, `\`${op.path}\``, op.access, op.summary]),
)}
`,
};

let stale = 0;
for (const [file, text] of Object.entries(pages)) {
  const path = join(root, file);
  const isCurrent = existsSync(path) && readFileSync(path, "utf8") === text;
  if (isCurrent) continue;
  if (process.argv.includes("--check")) {
    console.error(`${file} is not up to date: run \`npm run docs\``);
    stale = 1;
  } else {
    writeFileSync(path, text);
    console.error(`wrote ${file}`);
  }
}
process.exit(stale);
