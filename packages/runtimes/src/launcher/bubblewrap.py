"""The command line of bubblewrap for a profile. Options go through a descriptor: a command line is public."""
import base64
import fcntl
import os

import kernel


def wrap(spec):
    """The specification with bwrap in front of the program. Called as the worker's user, before it becomes the job's."""
    sources = stage(spec) if os.getuid() == 0 else {}
    arguments = [
        "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--disable-userns",
        "--die-with-parent", "--new-session", "--hostname", "towermill", "--cap-drop", "ALL",
    ]
    for entry in spec["mounts"]:
        arguments += placement(entry, sources)
    arguments += ["--remount-ro", "/", "--chdir", spec["cwd"]]
    if spec["seccomp"]:
        arguments += ["--seccomp", str(hand_over("seccomp", base64.b64decode(spec["seccomp"])))]
    descriptor = hand_over("arguments", b"".join(os.fsencode(argument) + b"\0" for argument in arguments))
    return {**spec, "argv": [spec["bubblewrap"], "--args", str(descriptor), "--", *spec["argv"]]}


def placement(entry, sources):
    kind, target = entry["kind"], entry["target"]
    if kind == "symlink":
        return ["--symlink", entry["to"], target]
    if kind == "tmpfs":
        return ["--size", str(entry["sizeMb"] << 20), "--perms", entry["mode"].rjust(4, "0"), "--tmpfs", target]
    if kind == "proc":
        return ["--proc", target]
    option = {"read": "--ro-bind", "write": "--bind", "device": "--dev-bind"}[kind]
    return [option, sources.get(entry["source"], entry["source"]), target]


def hand_over(name, data):
    made = os.memfd_create(name)
    # Above the places of the program's own pipes; inherited.
    descriptor = fcntl.fcntl(made, fcntl.F_DUPFD, 10)
    os.close(made)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def stage(spec):
    """Root only: the job's user may not be able to reach a source by its path, so all are brought to one that it can."""
    import jail

    kernel.unshare(kernel.NEWNS)
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    root = spec["root"]
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=4m,mode=755,nr_inodes=4k")
    reachable = next(path for path in ("/mnt", "/media", "/srv", "/tmp") if os.path.isdir(path))
    sources = {}
    for entry in spec["mounts"]:
        source = entry.get("source")
        if source is None or source in sources or source == "/usr" or source.startswith("/dev/"):
            continue
        name = "/%d" % len(sources)
        jail.make_target(root + name, source)
        kernel.mount(source, root + name, None, kernel.MS_BIND | kernel.MS_REC)
        sources[source] = reachable + name
    kernel.mount(root, reachable, None, kernel.MS_BIND | kernel.MS_REC)
    return sources
