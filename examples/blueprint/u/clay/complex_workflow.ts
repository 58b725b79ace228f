import * as wmill from "windmill-client";

interface Order {
  id: string;
  customer: string;
  amount: number;
  country: string;
}

interface Stage {
  name: string;
  took_ms: number;
  records: number;
}

const customers = ["ada", "grace", "edsger", "barbara", "donald"];
const countries = ["DE", "FR", "US"];

function extract(count: number): Order[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `order-${index + 1}`,
    customer: customers[index % customers.length] ?? "nobody",
    amount: Math.round(((index * 37) % 500) * 100 + 99) / 100,
    country: index % 11 === 10 ? "??" : (countries[index % countries.length] ?? "US"),
  }));
}

function validate(orders: Order[]): { valid: Order[]; rejected: Order[] } {
  const isValid = (order: Order) => order.country !== "??" && order.amount > 0;
  return { valid: orders.filter(isValid), rejected: orders.filter((order) => !isValid(order)) };
}

function aggregate(orders: Order[]): Record<string, { orders: number; total: number }> {
  const totals: Record<string, { orders: number; total: number }> = {};
  for (const order of orders) {
    const entry = (totals[order.country] ??= { orders: 0, total: 0 });
    entry.orders += 1;
    entry.total = Math.round((entry.total + order.amount) * 100) / 100;
  }
  return totals;
}

/**
 * A pipeline in stages: extract, validate, enrich through other jobs of the platform, aggregate, remember. Progress is
 * shown while it runs, and the state counts its runs.
 */
export async function main(orders: number = 50) {
  const stages: Stage[] = [];
  const stage = async <T>(name: string, percent: number, work: () => Promise<T> | T, count: (value: T) => number): Promise<T> => {
    const from = performance.now();
    const value = await work();
    stages.push({ name, took_ms: Math.round(performance.now() - from), records: count(value) });
    console.log(`${name}: ${count(value)} records`);
    await wmill.setProgress(percent);
    return value;
  };

  const extracted = await stage("extract", 20, () => extract(orders), (list) => list.length);
  const { valid, rejected } = await stage("validate", 40, () => validate(extracted), (result) => result.valid.length);
  const enriched = await stage(
    "enrich",
    70,
    () => wmill.runScriptByPath("u/clay/parallel_execution", { operations: 4, delay_ms: 20 }) as Promise<{ succeeded: number }>,
    (result) => result.succeeded,
  );
  const totals = await stage("aggregate", 90, () => aggregate(valid), (result) => Object.keys(result).length);
  const state = ((await wmill.getState()) ?? { runs: 0 }) as { runs: number };
  await wmill.setState({ runs: state.runs + 1 });
  return { stages, rejected: rejected.length, enriched: enriched.succeeded, totals, runs: state.runs + 1 };
}
