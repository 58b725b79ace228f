import { newQuickJSWASMModuleFromVariant, newVariant, RELEASE_SYNC, type QuickJSWASMModule } from "quickjs-emscripten";

export interface Engine {
  module: QuickJSWASMModule;
  memory: WebAssembly.Memory;
  domain: string;
  /** Evaluations so far. */
  used: number;
}

const PAGES_PER_MB = 16;
const PAGES_AT_START = 256;
const MOST_USES = 5000;

/**
 * A QuickJS that cannot grow beyond its memory. QuickJS's own limit does not hold for strings; the memory's does.
 */
export async function startEngine(domain: string, memoryMb: number): Promise<Engine> {
  const memory = new WebAssembly.Memory({
    initial: PAGES_AT_START,
    maximum: Math.max(PAGES_AT_START, memoryMb * PAGES_PER_MB),
  });
  const module = await newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmMemory: memory }));
  return { module, memory, domain, used: 0 };
}

/** Whether an engine should make room for a new one: its memory never shrinks. */
export function isWorn({ memory, used }: Engine, memoryMb: number): boolean {
  return used >= MOST_USES || memory.buffer.byteLength > Math.max(32, memoryMb / 2) * 2 ** 20;
}
