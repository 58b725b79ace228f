import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Placement } from "../launcher/protocol.ts";

const topFolders = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
const devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
const copiedFiles = ["hosts", "resolv.conf", "ld.so.cache", "localtime", "mime.types", "services", "protocols"];
const boundFolders = ["ssl", "pki", "ca-certificates", "alternatives", "fonts"];

/** The users a job can run as. */
export interface UidRange {
  first: number;
  count: number;
}

/** Writes the private `/etc` of jobs into `folder`: only what programs need to resolve names, certificates and libraries. */
export function writePrivateEtc(folder: string, uids: UidRange): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const numbers = Array.from({ length: uids.count }, (_, index) => uids.first + index);
  // Programs ask for the name of their own user; none of the host's accounts is told.
  const users = numbers.map((uid) => `job${uid}:x:${uid}:${uid}:job:/tmp:/bin/bash\n`);
  const groups = numbers.map((gid) => `job${gid}:x:${gid}:\n`);
  const nobody = "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
  writeFileSync(join(folder, "passwd"), `root:x:0:0:root:/:/usr/sbin/nologin\n${users.join("")}${nobody}`);
  writeFileSync(join(folder, "group"), `root:x:0:\n${groups.join("")}nogroup:x:65534:\n`);
  writeFileSync(
    join(folder, "nsswitch.conf"),
    "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
  );
  for (const name of copiedFiles) {
    if (existsSync(`/etc/${name}`)) copyFileSync(realpathSync(`/etc/${name}`), join(folder, name));
  }
  for (const name of boundFolders) {
    if (existsSync(`/etc/${name}`)) mkdirSync(join(folder, name), { recursive: true });
  }
}

/** The read-only system every sandboxed process sees: `/usr`, a private `/etc`, its own `/proc`, `/dev` and `/tmp`. */
export function systemPlacements(etc: string, tmpMb: number): Placement[] {
  const placed: Placement[] = [{ kind: "read", source: "/usr", target: "/usr" }];
  for (const path of topFolders) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSymbolicLink() === true) placed.push({ kind: "symlink", target: path, to: readlinkSync(path) });
    else if (found?.isDirectory() === true) placed.push({ kind: "read", source: path, target: path });
  }
  placed.push({ kind: "read", source: etc, target: "/etc" });
  for (const name of boundFolders) {
    if (existsSync(`/etc/${name}`)) placed.push({ kind: "read", source: `/etc/${name}`, target: `/etc/${name}` });
  }
  placed.push({ kind: "proc", target: "/proc" }, { kind: "tmpfs", target: "/dev", sizeMb: 1, mode: "755" });
  for (const path of devices) placed.push({ kind: "device", source: path, target: path });
  placed.push(
    { kind: "symlink", target: "/dev/fd", to: "/proc/self/fd" },
    { kind: "symlink", target: "/dev/stdin", to: "/proc/self/fd/0" },
    { kind: "symlink", target: "/dev/stdout", to: "/proc/self/fd/1" },
    { kind: "symlink", target: "/dev/stderr", to: "/proc/self/fd/2" },
    { kind: "tmpfs", target: "/dev/shm", sizeMb: tmpMb, mode: "1777" },
    { kind: "tmpfs", target: "/tmp", sizeMb: tmpMb, mode: "1777" },
    { kind: "symlink", target: "/var/tmp", to: "/tmp" },
  );
  return placed;
}

/** What is to be seen below the private, read-only `/etc` needs something there to be mounted over. */
export function makePlaceInEtc(path: string, etc: string): void {
  if (!path.startsWith("/etc/")) return;
  const target = join(etc, path.slice("/etc/".length));
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  if (statSync(path).isDirectory()) mkdirSync(target);
  else writeFileSync(target, "");
}
