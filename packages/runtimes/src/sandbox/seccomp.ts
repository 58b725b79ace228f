/**
 * A seccomp filter as bytes of classic BPF, without a compiler: what a job has no business doing answers EPERM.
 * Numbers from the kernel's own tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h).
 */
const tables = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    denied: {
      ptrace: 101,
      process_vm_readv: 310,
      process_vm_writev: 311,
      kcmp: 312,
      pidfd_getfd: 438,
      process_madvise: 440,
      mount: 165,
      umount2: 166,
      pivot_root: 155,
      chroot: 161,
      move_mount: 429,
      open_tree: 428,
      fsopen: 430,
      fsconfig: 431,
      fsmount: 432,
      fspick: 433,
      mount_setattr: 442,
      unshare: 272,
      setns: 308,
      swapon: 167,
      swapoff: 168,
      reboot: 169,
      sethostname: 170,
      setdomainname: 171,
      init_module: 175,
      delete_module: 176,
      finit_module: 313,
      kexec_load: 246,
      kexec_file_load: 320,
      bpf: 321,
      perf_event_open: 298,
      userfaultfd: 323,
      add_key: 248,
      request_key: 249,
      keyctl: 250,
      io_uring_setup: 425,
      io_uring_enter: 426,
      io_uring_register: 427,
      acct: 163,
      quotactl: 179,
      settimeofday: 164,
      clock_settime: 227,
      adjtimex: 159,
      clock_adjtime: 305,
      syslog: 103,
      iopl: 172,
      ioperm: 173,
      name_to_handle_at: 303,
      open_by_handle_at: 304,
      lookup_dcookie: 212,
      vhangup: 153,
      personality: 135,
      nfsservctl: 180,
      mbind: 237,
      set_mempolicy: 238,
      migrate_pages: 256,
      move_pages: 279,
    },
    clone3: 435,
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    denied: {
      ptrace: 117,
      process_vm_readv: 270,
      process_vm_writev: 271,
      kcmp: 272,
      pidfd_getfd: 438,
      process_madvise: 440,
      mount: 40,
      umount2: 39,
      pivot_root: 41,
      chroot: 51,
      move_mount: 429,
      open_tree: 428,
      fsopen: 430,
      fsconfig: 431,
      fsmount: 432,
      fspick: 433,
      mount_setattr: 442,
      unshare: 97,
      setns: 268,
      swapon: 224,
      swapoff: 225,
      reboot: 142,
      sethostname: 161,
      setdomainname: 162,
      init_module: 105,
      delete_module: 106,
      finit_module: 273,
      kexec_load: 104,
      kexec_file_load: 294,
      bpf: 280,
      perf_event_open: 241,
      userfaultfd: 282,
      add_key: 217,
      request_key: 218,
      keyctl: 219,
      io_uring_setup: 425,
      io_uring_enter: 426,
      io_uring_register: 427,
      acct: 89,
      quotactl: 60,
      settimeofday: 170,
      clock_settime: 112,
      adjtimex: 171,
      clock_adjtime: 266,
      syslog: 116,
      name_to_handle_at: 264,
      open_by_handle_at: 265,
      lookup_dcookie: 18,
      vhangup: 58,
      personality: 92,
      nfsservctl: 42,
      mbind: 235,
      set_mempolicy: 237,
      migrate_pages: 238,
      move_pages: 239,
    },
    clone3: 435,
  },
} as const;

export type SeccompArchitecture = keyof typeof tables;

/** Names and numbers of the refused calls, for tests and documents. */
export function refusedCalls(architecture: SeccompArchitecture): Readonly<Record<string, number>> {
  return tables[architecture].denied;
}

const load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const jumpEqual = 0x15;
const jumpGreaterOrEqual = 0x35;
const jumpSet = 0x45;
const answer = 0x06;
const allow = 0x7fff0000;
const killProcess = 0x80000000;
const refuse = (errno: number): number => 0x00050000 | errno;
const EPERM = 1;
const ENOSYS = 38;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: a job makes no namespaces. */
const namespaceFlags = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000;
const callNumber = 0;
const callArchitecture = 4;
const firstArgument = 16;

/**
 * The filter for this machine, or `undefined` on an architecture without a table. A call of a foreign architecture
 * (32-bit, x32) ends the process; clone3 answers ENOSYS so that C libraries fall back to clone, whose flags can be read.
 */
export function seccompFilter(architecture: string): Buffer | undefined {
  if (architecture !== "x64" && architecture !== "arm64") return undefined;
  const table = tables[architecture];
  const program: [code: number, jt: number, jf: number, k: number][] = [
    [load, 0, 0, callArchitecture],
    [jumpEqual, 1, 0, table.audit],
    [answer, 0, 0, killProcess],
    [load, 0, 0, callNumber],
  ];
  if (architecture === "x64") {
    program.push([jumpGreaterOrEqual, 0, 1, 0x40000000], [answer, 0, 0, killProcess]);
  }
  for (const number of Object.values(table.denied)) {
    program.push([jumpEqual, 0, 1, number], [answer, 0, 0, refuse(EPERM)]);
  }
  program.push(
    [jumpEqual, 0, 1, table.clone3],
    [answer, 0, 0, refuse(ENOSYS)],
    [jumpEqual, 0, 3, table.clone],
    [load, 0, 0, firstArgument],
    [jumpSet, 0, 1, namespaceFlags],
    [answer, 0, 0, refuse(EPERM)],
    [answer, 0, 0, allow],
  );
  return encode(program);
}

function encode(program: readonly (readonly [number, number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, jt, jf, k], index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}
