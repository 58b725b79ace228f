// `npm run bench [-- --quick] [figure …]`: takes the figures and writes bench/RESULTS.md. A wrong answer fails the run.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { root } from "../scripts/prepare.mjs";
import * as flows from "./figures/flows.mjs";
import * as jobs from "./figures/jobs.mjs";
import { mcp, mcpStreams } from "./figures/mcp.mjs";
import { reference } from "./measure.mjs";
import * as platform from "./figures/platform.mjs";

const figures = {
  noops: jobs.noops,
  warm: jobs.warm,
  languages: jobs.languages,
  drain: platform.drain,
  heap: platform.heap,
  n8n: platform.peerN8n,
  history: platform.history,
  split: platform.split,
  memory: platform.memory,
  flows: flows.flowSteps,
  loops: flows.flowLoops,
  mcp,
  mcpStreams,
};

const given = process.argv.slice(2);
const quick = given.includes("--quick");
const names = given.filter((name) => !name.startsWith("--"));
const unknown = names.filter((name) => !(name in figures));
if (unknown.length > 0) {
  console.error(`unknown figure ${unknown.join(", ")}; known: ${Object.keys(figures).join(", ")}`);
  process.exit(2);
}
// what needs the peer that takes minutes to install is left out of the quick form
const withN8n = ["n8n", "flows"];
const wanted = names.length > 0 ? names : Object.keys(figures).filter((name) => !quick || !withN8n.includes(name));
const ctx = { quick, rounds: quick ? 1 : 3 };

function verdict({ value, must, aim, better }) {
  if (must === undefined) return "";
  const reaches = (goal) => (better === "higher" ? value >= goal : value <= goal);
  return reaches(aim) ? "aim" : reaches(must) ? "must" : "missed";
}

const file = join(root, "bench", "RESULTS.md");
const dataMark = /<!-- rows (.*) -->/;
const kept = !quick && existsSync(file) ? JSON.parse(dataMark.exec(readFileSync(file, "utf8"))?.[1] ?? "[]") : [];
const rows = new Map(kept.map((row) => [row.id, row]));
for (const name of wanted) {
  const before = reference();
  const taken = await figures[name](ctx);
  const after = reference();
  for (const row of taken) {
    rows.set(row.id, { ...row, reference: Math.max(before, after), at: new Date().toISOString().slice(0, 16) });
    console.log(
      `${row.id.padEnd(12)} ${row.value.toFixed(2).padStart(8)}  ${verdict(row).padEnd(6)}  ${row.detail}  (reference ${before.toFixed(0)}–${after.toFixed(0)} ms)`,
    );
  }
}

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
const text = `# Results

Written by \`npm run bench\`; see [README.md](README.md) for what is measured and how. Ratios of two things taken in the same
run are what carries to another machine; milliseconds are not.

- ${cpus()[0]?.model ?? "processor"}, ${availableParallelism()} threads, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}
- commit ${commit}, ${ctx.rounds} rounds, medians, isolation on; load at the end ${loadavg()[0].toFixed(1)}
- *reference*: fib(32) and SHA-256 of 32 MiB, the slower of before and after; 27 to 31 ms when such a machine is quiet

| figure | value | must | aim | | measured | reference ms | taken |
|---|---|---|---|---|---|---|---|
${[...rows.values()].map((row) => `| ${row.title} | ${row.value.toFixed(2)} | ${row.must ?? ""} | ${row.aim ?? ""} | ${verdict(row)} | ${row.detail} | ${row.reference.toFixed(0)} | ${row.at} |`).join("\n")}

<!-- rows ${JSON.stringify([...rows.values()])} -->
`;
if (quick) console.log(`\n${text.slice(0, text.indexOf("<!--"))}`);
else writeFileSync(file, text);
process.exit(0);
