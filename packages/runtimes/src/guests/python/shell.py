"""Runs a bash script as a process of its own (vfork, so cheaper than a forked child) and answers for it."""
import json
import os
import signal
import time


def stringify(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def run(pipes, job, args):
    given = json.loads(args)
    positional = [stringify(given.get(parameter["name"])) for parameter in job["parameters"]]
    started_at = time.time() * 1000
    command = [job["env"].get("TOWERMILL_BASH", "/bin/bash"), job["entry"], *positional]
    environment = {key: value for key, value in job["env"].items() if key != "TOWERMILL_BASH"}
    # Python ignores these two; a shell must not.
    pid = os.posix_spawn(command[0], command, environment, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
    _, status, usage = os.wait4(pid, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    header = {"startedAt": started_at, "peakKb": usage.ru_maxrss}
    if code != 0:
        pipes.send({**header, "kind": "exited", "code": code})
        return
    result = read_result()
    if result is None:
        pipes.send({**header, "kind": "success", "fromOutput": True})
    else:
        pipes.send({**header, "kind": "success"}, result)


def read_result():
    """./result.json verbatim when it is JSON, else ./result.out as a string, else None: the last line of the output."""
    try:
        with open("result.json", "rb") as file:
            data = file.read()
        if data.strip():
            json.loads(data.decode("utf-8"), parse_constant=refuse)
            return data.strip()
    except FileNotFoundError:
        pass
    except ValueError as error:
        raise ValueError("./result.json is not valid JSON: %s" % error) from None
    try:
        with open("result.out", "rb") as file:
            text = file.read().decode("utf-8", "replace")
        if text != "":
            return json.dumps(text.rstrip("\n")).encode()
    except FileNotFoundError:
        pass
    return None


def refuse(word):
    raise ValueError("%s is no JSON value" % word)
