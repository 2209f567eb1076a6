"""Property lists in the shapes that jobs of launchd have, and CPython's reader of them.

usage: python3 bench_plists.py make FOLDER COUNT | read FOLDER

`make` writes as many, every second one binary, the same each time; `read` reads each file of the folder with plistlib and prints their
number.
"""

import datetime
import os
import plistlib
import random
import sys

VENDORS = ["com.example.updater", "org.acme", "com.contoso.sync", "io.initech.agent", "homebrew.mxcl", "net.globex.backup", "local.ops"]
PROGRAMS = ["postgresql@17", "redis", "nightly", "helper", "menu-bar", "keepalive", "index", "rotate", "watchdog", "proxy", "metrics"]


def arguments(dice, name):
    folder = dice.choice(["/usr/local/bin", "/opt/homebrew/bin", f"/Applications/{name.title()}.app/Contents/MacOS", "/Library/PrivilegedHelperTools"])
    if dice.random() < 0.2:
        return ["/bin/sh", "-c", f"sleep {dice.randrange(60)}; exec '{folder}/{name}' --daemon >>/tmp/{name}.log 2>&1"]
    flags = [f"--{flag}={dice.randrange(100_000)}" for flag in dice.sample(["port", "interval", "retries", "depth", "jobs"], dice.randrange(4))]
    return [f"{folder}/{name}", *flags]


def gateway(dice, label, user):
    state = f"/Users/{user}/.openclaw"
    return {
        "Label": label,
        "Comment": "OpenClaw Gateway (v2026.9.6)",
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 1,
        "Umask": 0o77,
        "ProgramArguments": ["/opt/homebrew/bin/node", f"/Users/{user}/lib/openclaw/dist/index.js", "gateway", "--port", str(18789 + dice.randrange(200))],
        "StandardOutPath": f"{state}/logs/gateway.log",
        "StandardErrorPath": f"{state}/logs/gateway.err.log",
        "EnvironmentVariables": {
            "HOME": f"/Users/{user}",
            "PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin",
            "OPENCLAW_STATE_DIR": state,
            "OPENCLAW_GATEWAY_TOKEN": f"{dice.getrandbits(160):040x}",
            "OPENCLAW_SERVICE_MARKER": "openclaw",
            "OPENCLAW_SERVICE_KIND": "gateway",
        },
    }


def job(dice, number):
    """A dictionary with some of what launchd.plist(5) knows."""
    name, user = dice.choice(PROGRAMS), f"user{dice.randrange(40)}"
    label = f"{dice.choice(VENDORS)}.{name}.{number}"
    if dice.random() < 0.02:
        return gateway(dice, label, user)
    made = {"Label": label, "ProgramArguments": arguments(dice, name)}
    parts = {
        "RunAtLoad": lambda: dice.random() < 0.8,
        "KeepAlive": lambda: dice.choice([True, {"SuccessfulExit": False}, {"Crashed": True, "NetworkState": True}, {"PathState": {f"/etc/{name}": True}}]),
        "StartInterval": lambda: dice.choice([60, 300, 3600, 86_400]),
        "StartCalendarInterval": lambda: [{"Hour": hour, "Minute": dice.randrange(60)} for hour in range(dice.randrange(1, 9))],
        "StandardOutPath": lambda: f"/Users/{user}/Library/Logs/{name}.log",
        "StandardErrorPath": lambda: f"/Users/{user}/Library/Logs/{name}.err",
        "WorkingDirectory": lambda: f"/Users/{user}",
        "UserName": lambda: user,
        "EnvironmentVariables": lambda: {f"{name.upper().replace('-', '_').replace('@', '_')}_{index}": f"/Users/{user}/été-{dice.getrandbits(64):x}" for index in range(dice.choice([1, 2, 2, 3, 5, 8, 40]))},
        "WatchPaths": lambda: [f"/Users/{user}/Documents/{index}" for index in range(dice.randrange(1, 6))],
        "Sockets": lambda: {"Listeners": {"SockServiceName": str(dice.randrange(1024, 65_536)), "SockType": "stream", "SockFamily": "IPv4"}},
        "MachServices": lambda: {f"{label}.xpc": True, f"{label}.port": {"ResetAtClose": True}},
        "ProcessType": lambda: dice.choice(["Background", "Standard", "Adaptive", "Interactive"]),
        "LimitLoadToSessionType": lambda: dice.choice(["Aqua", ["Aqua", "Background"], "LoginWindow"]),
        "SoftResourceLimits": lambda: {"NumberOfFiles": dice.randrange(256, 65_536), "Core": 0},
        "Nice": lambda: dice.randrange(-5, 20),
        "ThrottleInterval": lambda: dice.randrange(1, 120),
        "LegacyTimers": lambda: True,
        "AssociatedBundleIdentifiers": lambda: [label.rsplit(".", 1)[0]],
        "Installed": lambda: datetime.datetime(2026, 1, 1 + dice.randrange(28), dice.randrange(24)),
        "Receipt": lambda: dice.randbytes(dice.choice([20, 32, 300])),
    }
    for key in dice.sample(sorted(parts), dice.choice([2, 3, 4, 4, 5, 6, 7, 9, 14])):
        made[key] = parts[key]()
    return made


def make(folder, count):
    dice = random.Random(18789)
    os.makedirs(folder)
    for number in range(count):
        made = job(dice, number)
        form = plistlib.FMT_BINARY if number % 2 else plistlib.FMT_XML
        with open(f"{folder}/{made['Label']}.plist", "wb") as file:
            plistlib.dump(made, file, fmt=form, sort_keys=dice.random() < 0.5)


def read(folder):
    count = 0
    for entry in os.scandir(folder):
        with open(entry.path, "rb") as file:
            count += "Label" in plistlib.load(file)
    print(count)


if __name__ == "__main__":
    task, words = sys.argv[1:2], sys.argv[2:]
    if task == ["make"] and len(words) == 2:
        make(words[0], int(words[1]))
    elif task == ["read"] and len(words) == 1:
        read(words[0])
    else:
        sys.exit(__doc__)
