"""From a freshly forked process to the user's program: namespaces, mounts, limits, identity, exec."""
import base64
import os
import resource
import signal

import bubblewrap
import kernel
import process_tree


def enter_cgroups(folders):
    for folder in folders:
        with open(folder + "/cgroup.procs", "w") as file:
            file.write("0")


def map_identity():
    """Inside the new user namespace the process keeps its own numbers, and only them."""
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kernel.NEWUSER | kernel.NEWNS | kernel.NEWIPC | kernel.NEWUTS | kernel.NEWPID)
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (uid, uid)), ("gid_map", "%d %d 1" % (gid, gid))):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def make_target(path, source):
    if source is None or os.path.isdir(source):
        os.makedirs(path, 0o755, exist_ok=True)
    elif not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def place(root, entry):
    """Puts one entry of the profile (see profile.ts) below root."""
    kind, target = entry["kind"], root + entry["target"]
    if kind == "symlink":
        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        os.symlink(entry["to"], target)
    elif kind == "tmpfs":
        make_target(target, None)
        options = "size=%dm,mode=%s,nr_inodes=100k" % (entry["sizeMb"], entry["mode"])
        kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    elif kind == "proc":
        make_target(target, None)
        kernel.mount("proc", target, "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    else:
        make_target(target, entry["source"])
        kernel.mount(entry["source"], target, None, kernel.MS_BIND | kernel.MS_REC)
        if kind == "read":
            kernel.restrict(target, kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)
        elif kind == "write":
            kernel.restrict(target, kernel.MS_NOSUID | kernel.MS_NODEV)


def build_root(spec):
    root = spec["root"]
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=4m,mode=755,nr_inodes=4k")
    previous = os.umask(0o022)
    for entry in spec["mounts"]:
        place(root, entry)
    os.umask(previous)
    kernel.pivot_root(root)
    # Only the root itself: what was mounted writable below it stays writable.
    kernel.mount(None, "/", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)
    kernel.check(kernel.libc.sethostname(b"towermill", 9), "sethostname")


def limit(spec):
    limits = spec["limits"]
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits["openFiles"]),
        (resource.RLIMIT_FSIZE, limits["fileBytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
    ):
        if value is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def become(spec):
    """Ends as the job's user, without capabilities and unable to gain any."""
    confined = spec["level"] == "unshare"
    if confined:
        kernel.drop_bounding_set()
    uid = spec["uid"]
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if confined:
        kernel.drop_capabilities()
        # The first process of the sandbox stays this program: nobody inside may look into it. Lost at exec.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if spec["seccomp"] and confined:
        kernel.apply_seccomp(base64.b64decode(spec["seccomp"]))


def execute(spec, descriptors):
    """Never returns. descriptors: what becomes 1, 3 and 4; 2 is 1 again and 0 is empty."""
    output, control, answer = descriptors
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    empty = os.open("/dev/null", os.O_RDONLY)
    for number, descriptor in ((0, empty), (1, output), (2, output), (3, control), (4, answer)):
        if descriptor == number:
            os.set_inheritable(number, True)
        else:
            os.dup2(descriptor, number)
    if spec["level"] != "bubblewrap":
        os.chdir(spec["cwd"])
    os.execve(spec["argv"][0], spec["argv"], spec["env"])


def die_with_parent(number):
    kernel.prctl(kernel.PR_SET_PDEATHSIG, number)


def wait_for(main):
    """Reaps everything, answers the exit code of main as a shell would say it."""
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return 0
        if pid == main:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def close_all(but=()):
    kept = sorted(but)
    low = 0
    for descriptor in kept:
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, 1024)


def run_as_first(spec, descriptors, report):
    """The first process of a PID namespace: builds the sandbox, starts the program, reaps, ends with it."""
    build_root(spec)
    limit(spec)
    become(spec)
    die_with_parent(signal.SIGKILL)
    main = start_program(spec, descriptors)
    close_all()
    os._exit(wait_for(main))


def start_program(spec, descriptors):
    """As execute does, in a new process; posix_spawn copies no memory of this one."""
    output, control, answer = descriptors
    empty = os.open("/dev/null", os.O_RDONLY)
    os.chdir(spec["cwd"])
    # Every descriptor of ours closes at exec by itself, those moved into place here excepted.
    moves = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate((empty, output, output, control, answer)) if descriptor != number]
    os.set_inheritable(empty, True)
    return os.posix_spawn(spec["argv"][0], spec["argv"], spec["env"], file_actions=moves, setsid=True)


def run_supervised(spec, descriptors, report):
    """Without a PID namespace of the launcher's making: a supervisor stays outside and ends what is left."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    launcher = os.getppid()
    if spec["level"] == "unshare":
        map_identity()
    main = os.fork()
    if main == 0:
        attempt(report, lambda: run_below_supervisor(spec, descriptors, report))

    def stop(*_):
        process_tree.send(main, signal.SIGKILL)
        process_tree.kill_descendants()
        os._exit(128 + signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    die_with_parent(signal.SIGTERM)
    close_all()
    if os.getppid() != launcher:
        stop()
    code = wait_for(main)
    process_tree.kill_descendants()
    os._exit(code)


def run_below_supervisor(spec, descriptors, report):
    if spec["level"] == "unshare":
        run_as_first(spec, descriptors, report)
    if spec["level"] == "bubblewrap":
        spec = bubblewrap.wrap(spec)
    limit(spec)
    become(spec)
    # After the change of identity, which clears it.
    die_with_parent(signal.SIGKILL)
    execute(spec, descriptors)


def attempt(report, action):
    """Runs what must not return in a child; an error is told through the report pipe."""
    try:
        action()
    except BaseException as error:
        try:
            os.write(report, ("%s" % error).encode("utf-8", "replace")[:4000])
        finally:
            os._exit(127)
    os._exit(127)
