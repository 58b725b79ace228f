import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import releaseSync from "@jitl/quickjs-wasmfile-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core";

interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

// Node has it, its types do not
const { Memory, compile } = Reflect.get(globalThis, "WebAssembly") as {
  Memory: new (pages: { initial: number; maximum: number }) => WasmMemory;
  compile: (binary: Buffer) => Promise<object>;
};

// its types are those of its CommonJS twin, whose default is one level deeper
const variant = releaseSync as unknown as QuickJSSyncVariant;

/** A context that nothing ran in. */
export interface Room {
  runtime: QuickJSRuntime;
  context: QuickJSContext;
  /** When what runs in it is asked to stop, by `performance.now()`. */
  deadlineMs: number;
}

export interface Engine {
  module: QuickJSWASMModule;
  memory: WasmMemory;
  /** Evaluations so far. */
  used: number;
  /** Made ahead: making one takes longer than most expressions do. */
  room: Room | null;
}

const STACK_BYTES = 256 * 1024;

export function openRoom({ module }: Pick<Engine, "module">): Room {
  const runtime = module.newRuntime();
  runtime.setMaxStackSize(STACK_BYTES);
  const room: Room = { runtime, context: runtime.newContext(), deadlineMs: Number.POSITIVE_INFINITY };
  runtime.setInterruptHandler(() => performance.now() > room.deadlineMs);
  return room;
}

const PAGES_PER_MB = 16;
const PAGES_AT_START = 256;
const MOST_USES = 5000;
const MOST_ENGINES = 4;

/** The engines of a thread: one for each domain of late, made from one compiled program. */
export class Engines {
  readonly #memoryMb: number;
  readonly #program: Promise<object>;
  readonly #byDomain = new Map<string, Engine>();
  #spare: Engine | null = null;

  constructor(memoryMb: number) {
    this.#memoryMb = memoryMb;
    const file = createRequire(import.meta.url).resolve("@jitl/quickjs-wasmfile-release-sync/wasm");
    this.#program = readFile(file).then(compile);
  }

  /** An engine that only this domain has used. */
  async of(domain: string): Promise<Engine> {
    const before = this.#byDomain.get(domain);
    this.#byDomain.delete(domain);
    const engine = before && !this.#isWorn(before) ? before : (this.#takeSpare() ?? (await this.start()));
    this.#byDomain.set(domain, engine);
    for (const oldest of this.#byDomain.keys()) {
      if (this.#byDomain.size <= MOST_ENGINES) break;
      this.#byDomain.delete(oldest);
    }
    return engine;
  }

  /** A QuickJS that cannot grow beyond its memory. Its own limit does not hold for strings; the memory's does. */
  async start(): Promise<Engine> {
    const maximum = Math.max(PAGES_AT_START, this.#memoryMb * PAGES_PER_MB);
    const memory = new Memory({ initial: PAGES_AT_START, maximum });
    const wasmModule = await this.#program;
    const module = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmMemory: memory, wasmModule }));
    return { module, memory, used: 0, room: null };
  }

  forget(domain: string): void {
    this.#byDomain.delete(domain);
  }

  /** Keeps an engine that no domain has used for the next one that needs one. */
  keep(engine: Engine): void {
    this.#spare = engine;
  }

  #takeSpare(): Engine | null {
    const spare = this.#spare;
    this.#spare = null;
    return spare;
  }

  /** Its memory never shrinks. */
  #isWorn({ memory, used }: Engine): boolean {
    return used >= MOST_USES || memory.buffer.byteLength > Math.max(32, this.#memoryMb / 2) * 2 ** 20;
  }
}
