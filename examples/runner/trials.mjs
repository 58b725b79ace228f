// What is run, and what must come of it.

/** `check` answers what to show when the result is right, and throws when it is not. */
export function trials({ memoryLimitMb }) {
  return [
    {
      script: "u/clay/parallel_execution",
      args: { operations: 20, delay_ms: 100 },
      check: ({ result }) => {
        require(result.succeeded === 18 && result.failed === 2, "18 operations must succeed and 2 fail");
        require(result.overlapped, "the operations must overlap");
        return `${result.operations} operations in ${result.elapsed_ms} ms instead of ${result.sequential_ms} ms`;
      },
    },
    {
      script: "u/clay/memory_limits",
      args: { megabytes: 64 },
      check: ({ result }) => {
        require(result.elements === 64 * 131_072 && result.sorted_ok, "64 MB of numbers must be filled and sorted");
        return `${result.megabytes} MB held, ${result.resident_megabytes} MB resident`;
      },
    },
    {
      script: "u/clay/memory_limits",
      args: { megabytes: memoryLimitMb * 2 },
      fails: true,
      check: ({ error }) => {
        require(/memory limit/.test(error?.message ?? ""), "the error must name the memory limit");
        return `failed as it must: ${error.message}`;
      },
    },
    {
      script: "u/clay/memory_limits",
      args: { megabytes: 16 },
      check: ({ result }) => {
        require(result.sorted_ok, "the worker must live on");
        return "the worker lives on";
      },
    },
    {
      script: "u/clay/database_stress",
      args: { database: "$res:u/clay/database", connections: 20, increments: 25 },
      check: ({ result }) => {
        require(result.counted === 500 && result.lost_updates === 0, "all 500 updates must be counted");
        return `${result.counted} updates over ${result.connections} connections, none lost, p50 ${result.p50_ms} ms`;
      },
    },
    {
      script: "u/clay/complex_workflow",
      args: { orders: 50 },
      check: ({ result }) => {
        const names = result.stages.map(({ name }) => name).join(" → ");
        require(names === "extract → validate → enrich → aggregate", "all four stages must run in order");
        require(result.enriched === 4 && result.rejected === 4, "4 orders must be rejected and 4 lookups succeed");
        return `${names}, run ${result.runs}`;
      },
    },
  ];
}

function require(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

/** Runs one with the command line and judges it: `{ script, args, ok, took, says }`. */
export async function attempt(wmill, { script, args, fails = false, check }) {
  const from = performance.now();
  const { code, output, complaint } = await wmill("script", "run", "--silent", script, "-d", JSON.stringify(args));
  const outcome = { script, args, took: performance.now() - from };
  try {
    const answer = parse(output);
    if (answer === undefined) throw new Error(`it printed no result: ${(output + complaint).trim()}`);
    const error = answer.error;
    if ((code !== 0) !== fails) throw new Error(error?.message ?? `it ended with code ${code}`);
    return { ...outcome, ok: true, says: check({ result: answer, error }) };
  } catch (error) {
    return { ...outcome, ok: false, says: error.message };
  }
}

function parse(output) {
  try {
    return JSON.parse(output.slice(output.indexOf("{")));
  } catch {
    return undefined;
  }
}
