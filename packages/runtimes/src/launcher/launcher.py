"""The only process that starts other processes for jobs. JSON lines in, JSON lines out; see protocol.ts.

It is small, so forking it is cheap, whatever the size of the worker. It ends, and ends everything it started, when its
input closes; each process it started also ends by itself when the launcher is killed.
"""
import gc
import json
import os
import select
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import jail
import kernel
import process_tree

runners = {}  # id -> {"pid", "cgroups", "report", "held"}
by_pid = {}
parents = set()  # cgroup folders of the worker, in which the runners' are made
handled = (signal.SIGTERM, signal.SIGCHLD)
# The places that the user's program gets its pipes in are never used for anything else.
while os.dup(2) < 9:
    pass
poller = select.epoll()
reports = {}  # descriptor of a report pipe -> id
unopened = {}  # id -> held pipes of a program that ended before the worker had opened them: what it wrote is in there


def answer(message):
    data = (json.dumps(message) + "\n").encode()
    while data:
        data = data[os.write(1, data):]


def open_pipes(folder, uid):
    """Three named pipes; the writing end of a reader (and the other way round) is held until the worker has come."""
    held, ends = [], []
    for name, flags in (("output", os.O_WRONLY), ("control", os.O_RDONLY), ("answer", os.O_WRONLY)):
        path = folder + "/" + name
        os.mkfifo(path, 0o600)
        if uid is not None:
            os.chown(path, uid, uid)
        held.append(os.open(path, os.O_RDWR))
        ends.append(os.open(path, flags))
    return held, ends


def remove_cgroups(folders):
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError:
            pass  # A process in it is just ending; the next start of a worker removes it.


def make_cgroups(spec):
    made = []
    for folder, settings in spec["cgroups"]:
        os.mkdir(folder)
        parents.add(os.path.dirname(folder))
        made.append(folder)
        for name, value in settings:
            with open(folder + "/" + name, "w") as file:
                file.write(value)
    return made


def spawn(spec):
    held, ends = open_pipes(spec["pipes"], spec["uid"])
    reader, writer = os.pipe()
    cgroups = make_cgroups(spec)
    own_pid_namespace = spec["level"] == "unshare" and os.getuid() == 0
    if own_pid_namespace:
        original = os.open("/proc/self/ns/pid", os.O_RDONLY)
        kernel.unshare(kernel.NEWPID)
    # No signal may find the launcher's handlers in the child.
    signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        for number in (*handled, signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)
        jail.attempt(writer, lambda: start(spec, ends, writer, cgroups))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, handled)
    if own_pid_namespace:
        kernel.setns(original, kernel.NEWPID)
        os.close(original)
    os.close(writer)
    for end in ends:
        os.close(end)
    runners[spec["id"]] = {"pid": pid, "cgroups": cgroups, "report": reader, "held": held}
    by_pid[pid] = spec["id"]
    reports[reader] = spec["id"]
    poller.register(reader, select.EPOLLIN)


def start(spec, ends, writer, cgroups):
    jail.enter_cgroups(cgroups)
    # Nothing of the launcher's own pipes may stay open in what runs users' code.
    jail.close_all([*ends, writer])
    if spec["level"] == "unshare" and os.getuid() == 0:
        kernel.unshare(kernel.NEWNS | kernel.NEWIPC | kernel.NEWUTS)
        jail.run_as_first(spec, ends, writer)
    else:
        jail.run_supervised(spec, ends, writer)


def read_report(descriptor):
    """The report pipe closes when the program is running; text in it is the reason why it is not."""
    number = reports.pop(descriptor)
    text = os.read(descriptor, 4096).decode("utf-8", "replace")
    poller.unregister(descriptor)
    os.close(descriptor)
    runner = runners.get(number)
    if runner:
        runner["report"] = None
        runner["failed"] = text != ""
        answer({"id": number, "spawned": {"pid": runner["pid"], "error": text or None}})


def close_all(descriptors):
    while descriptors:
        os.close(descriptors.pop())


def opened(message):
    runner = runners.get(message["id"])
    close_all(runner["held"] if runner else unopened.pop(message["id"], []))


def kill(message):
    runner = runners.get(message["id"])
    if runner:
        process_tree.send(runner["pid"], runner_signal(runner))


def runner_signal(runner):
    return signal.SIGKILL if runner.get("first") else signal.SIGTERM


def write_limits(message):
    runner = runners.get(message["id"])
    for folder in runner["cgroups"] if runner else []:
        for name, value in message["settings"]:
            try:
                with open(folder + "/" + name, "w") as file:
                    file.write(value)
            except OSError:
                pass  # Below what is in use already: the sampling in the worker ends such a job.


def out_of_memory(folders):
    """How often the kernel ended a process of these groups for lack of memory."""
    for folder in folders:
        for name in ("memory.events", "memory.oom_control"):
            try:
                with open(folder + "/" + name) as file:
                    for line in file:
                        word, _, count = line.partition(" ")
                        if word == "oom_kill":
                            return int(count)
            except OSError:
                pass
    return 0


def measure(message):
    runner = runners.get(message["id"])
    answer({"id": message["id"], "measured": {"oomKills": out_of_memory(runner["cgroups"]) if runner else 0}})


def reap():
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        number = by_pid.pop(pid, None)
        if number is not None:
            end(number, os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def end(number, code):
    runner = runners[number]
    if runner["report"] is not None:
        read_report(runner["report"])
    del runners[number]
    # nobody comes for the pipes of a program that could not be started
    if runner["held"] and not runner["failed"]:
        unopened[number] = runner["held"]
    else:
        close_all(runner["held"])
    killed = out_of_memory(runner["cgroups"])
    remove_cgroups(runner["cgroups"])
    answer({"id": number, "ended": {"code": code, "oomKills": killed}})


def finish(for_good=False):
    """Ends everything and waits for it, five seconds at most. for_good: the worker is gone, its group goes too."""
    signal.alarm(5)
    for runner in runners.values():
        process_tree.send(runner["pid"], runner_signal(runner))
    for pid in list(by_pid):
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
    for runner in runners.values():
        remove_cgroups(runner["cgroups"])
    if for_good:
        remove_cgroups(parents)
    os._exit(0)


def handle(message):
    operation = message["op"]
    if operation == "spawn":
        try:
            spawn(message["spec"])
            runners[message["spec"]["id"]]["first"] = message["spec"]["level"] == "unshare" and os.getuid() == 0
        except OSError as error:
            answer({"id": message["spec"]["id"], "spawned": {"pid": 0, "error": str(error)}})
    else:
        {"opened": opened, "kill": kill, "limit": write_limits, "measure": measure}[operation](message)


def main():
    # A collection would touch, and so copy, the memory that parent and children share.
    gc.disable()
    gc.freeze()
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_reader, False)
    os.set_blocking(wake_writer, False)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: finish())
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
    poller.register(0, select.EPOLLIN)
    poller.register(wake_reader, select.EPOLLIN)
    answer({"id": 0, "ready": {"pid": os.getpid()}})
    pending = b""
    while True:
        for descriptor, _ in poller.poll():
            if descriptor in reports:
                read_report(descriptor)
            elif descriptor == wake_reader:
                try:
                    os.read(wake_reader, 4096)
                except BlockingIOError:
                    pass
                reap()
            elif descriptor == 0:
                data = os.read(0, 1 << 20)
                if not data:
                    finish(for_good=True)
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    handle(json.loads(line))


try:
    main()
except BrokenPipeError:
    finish()
