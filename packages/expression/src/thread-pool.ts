import { Worker } from "node:worker_threads";
import type { Question, Reply, ThreadOptions } from "./message.ts";

export type PoolOptions = ThreadOptions & { threads: number; hardMs: number };
type Answer = Exclude<Reply, { type: "ready" }>;

interface Task {
  question: Question;
  settle: (answer: Answer) => void;
}

interface Thread {
  worker: Worker;
  ready: boolean;
  domain: string | null;
  task: Task | null;
  timer: NodeJS.Timeout | null;
}

// A thread cannot run TypeScript sources; tests that run from sources use the built one.
const threadFile = new URL(
  import.meta.url.endsWith(".ts") ? "../dist/evaluation-thread.js" : "./evaluation-thread.js",
  import.meta.url,
);

/** Threads that evaluate one expression at a time each, ended and replaced when one does not come back. */
export class ThreadPool {
  readonly #options: PoolOptions;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Task[] = [];
  #count = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  ask(question: Omit<Question, "id">): Promise<Answer> {
    const id = ++this.#count;
    if (this.#closed) return Promise.resolve(failure(id, "The evaluator is closed"));
    return new Promise((settle) => {
      this.#waiting.push({ question: { ...question, id }, settle });
      this.#assign();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#waiting.splice(0)) task.settle(failure(task.question.id, "The evaluator was closed"));
    const threads = [...this.#threads];
    this.#threads.clear();
    await Promise.all(
      threads.map(async (thread) => {
        this.#settle(thread, "The evaluator was closed");
        await thread.worker.terminate();
      }),
    );
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting;
      const idle = [...this.#threads].filter(({ ready, task }) => ready && task === null);
      const thread = idle.find(({ domain }) => domain === first?.question.domain) ?? idle[0];
      if (thread === undefined) {
        const starting = [...this.#threads].filter(({ ready }) => !ready).length;
        if (this.#threads.size < this.#options.threads && starting < this.#waiting.length) this.#start();
        else return;
      } else this.#give(thread, this.#waiting.shift());
    }
  }

  #start(): void {
    const { memoryMb, softMs } = this.#options;
    const worker = new Worker(threadFile, {
      workerData: { memoryMb, softMs } satisfies ThreadOptions,
      env: {},
      execArgv: [],
      resourceLimits: { stackSizeMb: 16, maxOldGenerationSizeMb: 256 },
    });
    const thread: Thread = { worker, ready: false, domain: null, task: null, timer: null };
    this.#threads.add(thread);
    worker.on("message", (reply: Reply) => this.#hear(thread, reply));
    worker.on("error", (error) => this.#end(thread, `The expression ended its thread: ${error.message.slice(0, 200)}`));
    worker.on("exit", () => this.#end(thread, "The expression ended its thread"));
  }

  #give(thread: Thread, task: Task | undefined): void {
    if (task === undefined) return;
    const { hardMs } = this.#options;
    thread.task = task;
    thread.domain = task.question.domain;
    thread.worker.ref();
    thread.timer = setTimeout(() => this.#end(thread, `The expression took longer than ${hardMs} ms`), hardMs);
    thread.worker.postMessage(task.question);
  }

  #hear(thread: Thread, reply: Reply): void {
    if (reply.type === "ready") thread.ready = true;
    else {
      const { task } = thread;
      this.#free(thread);
      task?.settle(reply);
      if (reply.type === "error" && reply.fatal) return this.#end(thread, reply.message);
    }
    if (thread.task === null) thread.worker.unref();
    this.#assign();
  }

  #free(thread: Thread): void {
    if (thread.timer !== null) clearTimeout(thread.timer);
    thread.timer = null;
    thread.task = null;
  }

  #settle(thread: Thread, message: string): void {
    const { task } = thread;
    this.#free(thread);
    task?.settle(failure(task.question.id, message));
  }

  #end(thread: Thread, message: string): void {
    if (!this.#threads.delete(thread)) return;
    const failedToStart = !thread.ready;
    this.#settle(thread, message);
    void thread.worker.terminate();
    // a thread that cannot start would be started for ever
    if (failedToStart) for (const task of this.#waiting.splice(0)) task.settle(failure(task.question.id, message));
    this.#assign();
  }
}

function failure(id: number, message: string): Answer {
  return { type: "error", id, message, line: null, fatal: false };
}
