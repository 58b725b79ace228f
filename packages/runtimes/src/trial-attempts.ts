/** What a hostile job tries; for the tests of every isolation level. */
import type { Trial } from "./trial.ts";

export interface Attempts {
  root: boolean;
  /** Processes other than its own and the sandbox's first whose environment it could read. */
  environments: string[];
  /** Places where the neighbour's secret was found. */
  canaries: string[];
  writable: string[];
  /** Whether the platform's file could be read and its socket connected to. */
  secret: boolean;
  connected: boolean;
  /** Other runners' folders it saw. */
  neighbours: string[];
  killed: boolean;
  mounted: boolean;
  namespace: boolean;
  traced: boolean;
  chroot: boolean;
  device: boolean;
  symlink: boolean;
  bundles: number;
}

const script = `
import ctypes, os, socket as sockets

libc = ctypes.CDLL(None, use_errno=True)

def tries(action):
    try:
        action()
        return True
    except OSError:
        return False

def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(100000)
    except OSError:
        return b""

def connect(path):
    with sockets.socket(sockets.AF_UNIX) as client:
        client.connect(path)

def create(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))

def main(secret, socket, worker, folder):
    own = {str(os.getpid()), str(os.getppid()), "1"}
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    canaries = []
    for pid in pids:
        if pid in own and pid != "1":
            continue
        if b"canary" in read("/proc/%s/environ" % pid) or b"canary" in read("/proc/%s/cwd/mine" % pid):
            canaries.append(pid)
    runners = folder + "/worker"
    for base, folders, files in os.walk(runners):
        for name in files:
            if name == "mine" and b"canary" in read(os.path.join(base, name)):
                canaries.append(base)
    writable = [path for path in ("/etc/x", "/usr/x", "/x", "/towermill/x", "/lib/x", folder + "/cache/bundles/x", folder + "/cache/npm/x", __file__)
                if tries(lambda: create(path))]
    writable += [path for path in ("/etc/passwd", "/etc/hosts", "/proc/sys/vm/swappiness", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/proc/1/oom_score_adj", "/proc/1/mem")
                 if tries(lambda: os.close(os.open(path, os.O_WRONLY)))]
    os.symlink(secret, "link")
    try:
        bundles = len(os.listdir(folder + "/cache/bundles"))
    except OSError:
        bundles = -1
    return {
        "root": os.getuid() == 0 or tries(lambda: os.setuid(0)),
        "environments": [pid for pid in pids if pid not in own and read("/proc/%s/environ" % pid)],
        "canaries": canaries,
        "writable": writable,
        "secret": tries(lambda: open(secret).close()),
        "connected": tries(lambda: connect(socket)),
        "neighbours": os.listdir(runners) if os.path.isdir(runners) and os.access(runners, os.R_OK) else [],
        "killed": tries(lambda: os.kill(worker, 0)) and worker > 100 and str(worker) in pids and os.path.exists("/proc/%d/root/etc" % worker),
        "mounted": libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0,
        "traced": libc.ptrace(16, 1, 0, 0) == 0,
        "chroot": tries(lambda: os.chroot("/tmp")),
        "device": tries(lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0))),
        "symlink": tries(lambda: open("link").close()),
        "namespace": libc.unshare(0x10000000) == 0,
        "bundles": bundles,
    }
`;

/** Runs the attempts as a job and answers what succeeded. */
export async function attempts(
  trial: Trial,
  targets: { secret: string; socket: string; worker: number },
): Promise<Attempts> {
  const { outcome } = await trial.run("python3", script, { args: { ...targets, folder: trial.folder } });
  if (outcome.status !== "success") throw new Error(JSON.stringify(outcome));
  return JSON.parse(outcome.result) as Attempts;
}
