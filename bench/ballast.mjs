// Loaded before the program (`node --import`): keeps so much memory in use that forking this process would be dear.
const megabytes = Number(process.env.TOWERMILL_BENCH_HEAP_MB ?? 0);
delete process.env.TOWERMILL_BENCH_HEAP_MB;
globalThis.ballast = Array.from({ length: megabytes }, () => Buffer.alloc(1024 * 1024, 1));
