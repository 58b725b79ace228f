import { readFileSync, readdirSync } from "node:fs";

const sampleEveryMs = 250;
const pageKb = 4;

export interface MemoryWatch {
  /** Most resident memory seen so far in KiB; 0 when the job was too short for a sample. */
  peakKb(): number;
  stop(): void;
}

const samples = new Set<() => void>();
let timer: NodeJS.Timeout | undefined;

/** Samples the resident memory of a process and everything below it and calls `exceeded` once above the limit. */
export function watchMemory(pid: number, limitMb: number, exceeded: () => void): MemoryWatch {
  let peak = 0;
  const sample = (): void => {
    const now = treeMemoryKb(pid);
    if (now > peak) peak = now;
    if (now > limitMb * 1024) exceeded();
  };
  // one clock for all: short jobs would start and stop one each
  timer ??= setInterval(() => samples.forEach((each) => each()), sampleEveryMs).unref();
  samples.add(sample);
  return { peakKb: () => peak, stop: () => void samples.delete(sample) };
}

/** Resident memory without shared file pages, in KiB, of `pid` and its descendants. */
export function treeMemoryKb(pid: number): number {
  let total = 0;
  const queue = [pid];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    try {
      const [, resident, shared] = readFileSync(`/proc/${at}/statm`, "latin1").split(" ");
      total += (Number(resident) - Number(shared)) * pageKb;
      for (const thread of readdirSync(`/proc/${at}/task`)) {
        const children = readFileSync(`/proc/${at}/task/${thread}/children`, "latin1").split(" ");
        for (const child of children) if (child !== "") queue.push(Number(child));
      }
    } catch {
      // It ended between two reads.
    }
  }
  return total;
}
