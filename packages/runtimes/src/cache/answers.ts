import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RunIo } from "../runtime.ts";
import { PrepareFailure } from "./failure.ts";

/** For this long equal questions to a registry get the same answer. */
const freshMs = 300_000;

export interface Question {
  /** Root of the cache. */
  folder: string;
  /** Content address of what is asked. */
  question: string;
  io: RunIo;
}

/**
 * Asks a registry, or answers from disk: a recent answer saves the question, an old one serves while the registry
 * cannot be reached.
 */
export async function resolveWithAnswers(asked: Question, ask: () => Promise<string>): Promise<string> {
  const path = join(asked.folder, "locks", asked.question, "lock");
  const kept = await readAnswer(path);
  if (kept !== null && kept.ageMs < freshMs) return kept.text;
  try {
    const text = await ask();
    await keepAnswer(path, text);
    return text;
  } catch (error) {
    if (!(error instanceof PrepareFailure) || kept === null) throw error;
    asked.io.log(`${error.message}\nUsing the versions resolved earlier instead.\n`);
    return kept.text;
  }
}

async function readAnswer(path: string): Promise<{ text: string; ageMs: number } | null> {
  try {
    const { mtimeMs } = await stat(path);
    return { text: await readFile(path, "utf8"), ageMs: Date.now() - mtimeMs };
  } catch {
    return null;
  }
}

async function keepAnswer(path: string, text: string): Promise<void> {
  const draft = `${path}.${String(process.pid)}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(draft, text);
  await rename(draft, path);
}
