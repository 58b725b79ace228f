"""Linux system calls that Python's standard library lacks, by ctypes: namespaces, mounts, prctl, seccomp."""
import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47
# The numbers of these two calls are equal on x86-64 and arm64 (mount_setattr) or differ (pivot_root).
SYS_MOUNT_SETATTR = 442
SYS_PIVOT_ROOT = 41 if platform.machine() == "aarch64" else 155


def check(result, what):
    """Raises OSError with the name of the step when a call answered -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))
    return result


def prctl(option, value=0, third=0):
    check(libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(third), 0, 0), "prctl %d" % option)


def unshare(flags):
    check(libc.unshare(flags), "unshare %#x" % flags)


def setns(descriptor, kind):
    check(libc.setns(descriptor, kind), "setns")


def mount(source, target, kind=None, flags=0, data=None):
    encode = lambda text: None if text is None else os.fsencode(text)
    result = libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(data))
    check(result, "mount %s on %s" % (source or kind, target))


class MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns_fd")]


def restrict(target, flags):
    """Adds flags to a mount and to everything mounted below it; kernels before 5.12 only do the mount itself."""
    attributes = MountAttributes(flags, 0, 0, 0)
    at_fdcwd, recursive = -100, 0x8000
    result = libc.syscall(SYS_MOUNT_SETATTR, at_fdcwd, os.fsencode(target), recursive, ctypes.byref(attributes), 32)
    if result == -1:
        kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | 1024 | 2048)
        mount(None, target, None, MS_REMOUNT | MS_BIND | flags | kept)


def pivot_root(new_root):
    """Enters new_root and lets go of the old tree entirely."""
    os.chdir(new_root)
    check(libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


class CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def drop_bounding_set():
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) == -1:
            break


def drop_capabilities():
    """Gives up every capability of this process; its descendants cannot regain one."""
    header = CapabilityHeader(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    check(libc.capset(ctypes.byref(header), nothing), "capset")


class FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def apply_seccomp(program):
    """program: bytes of a BPF program, 8 bytes an instruction. Needs no_new_privs."""
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_program = FilterProgram(len(program) // 8, ctypes.addressof(buffer))
    result = libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(filter_program), 0, 0)
    check(result, "seccomp")
