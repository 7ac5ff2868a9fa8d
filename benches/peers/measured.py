"""What the peers' scripts share: seconds, memory, and arguments in JSON."""

import json
import sys
import time


def timed(work):
    """Runs work() and returns its result with the wall and CPU seconds that this process spent."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def peak_memory():
    """The most memory this process has had resident, in bytes; since exec, unlike ru_maxrss."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


def report(value):
    json.dump(value, sys.stdout)
    print()
