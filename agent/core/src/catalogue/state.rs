//! State directories, their locks, and what copies them.

use super::{Code, Entry, Layer, Severity};

#[rustfmt::skip]
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        code: Code::StateShared,
        title: "two gateways use one state directory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "Databases, sessions and device identities have one owner. A second gateway is turned away with status \
            78 and a text about state migration, or, under launchd, switches its own job off; where locks do not \
            reach (another account, another mount, a container) both write and the databases are damaged.",
        remedy: &[
            "decide which gateway owns the directory, and retire the other",
            "give the second one its own `OPENCLAW_STATE_DIR` and its own port",
        ],
        explains: &[
            Code::UnitSelfDisabled, Code::UnitExitConfig, Code::UnitParked, Code::UnitRelaunchLoop,
            Code::GatewayRestartStorm, Code::GatewayNotReady, Code::StateLockWait, Code::StateDbBroken,
            Code::PortSilent, Code::GatewayWedged,
        ],
        sources: &[
            "docs/gateway/gateway-lock.md", "docs/gateway/multiple-gateways.md", "openclaw/openclaw#101290",
            "openclaw/openclaw#21073",
        ],
    },
    Entry {
        code: Code::StateLockBlind,
        title: "two sides whose locks cannot see each other share one state directory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "Locks of a virtual machine end at its border: a gateway on the host and one in a container, or two \
            machines on one share, both believe to be alone. The outcome is `database disk image is malformed`.",
        remedy: &[
            "never share a state directory across the border of a virtual machine",
            "use a named volume inside, and copy with the gateway stopped",
        ],
        explains: &[
            Code::StateDbBroken, Code::StateLockWait, Code::UnitExitConfig, Code::GatewayRestartStorm, Code::PortSilent,
            Code::GatewayNotReady,
        ],
        sources: &["docs/install/docker.md", "https://www.sqlite.org/howtocorrupt.html", "openclaw/openclaw#139214"],
    },
    Entry {
        code: Code::StateLockWait,
        title: "the gateway waits long for its own database locks",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "OpenClaw gives up after 5 s with `database is locked`; half of that as a regular wait means that users \
            see errors at the next peak. Who holds the lock, and for how long, tells the cause.",
        remedy: &[
            "see who holds it, and how long",
            "move the state to a local volume of its own; stop what copies or scans it",
        ],
        explains: &[
            Code::GatewayStalled, Code::GatewayNotReady, Code::TransportSlowChallenge, Code::TransportFlaky,
            Code::GatewayWedged,
        ],
        sources: &[
            "https://www.sqlite.org/wal.html", "openclaw/openclaw#117262", "openclaw/openclaw#148307",
            "openclaw/openclaw#113622",
        ],
    },
    Entry {
        code: Code::StateLockStale,
        title: "a lock file names an owner that is gone",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "After `kill -9` or a crash the gateway's lock files stay. A present release takes them over silently, \
            by pid and start time. An older one compares pids alone, and a pid that was given anew looks alive: \
            `gateway already running (pid …)`, or waits of minutes.",
        remedy: &[
            "start the gateway: it takes such a lock over by itself",
            "only if it refuses: stop all of OpenClaw, then remove `gateway.*.lock`, never `*.lock.sqlite`",
        ],
        explains: &[],
        sources: &[
            "docs/gateway/gateway-lock.md", "openclaw/openclaw#138657", "openclaw/openclaw#75028",
            "openclaw/openclaw#76823",
        ],
    },
    Entry {
        code: Code::StateVersionBoundary,
        title: "an old and a new release use one state directory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "Releases up to 2026.6.33 keep their lock in the temporary folder, later ones in the state directory \
            and under `/tmp/openclaw-state-locks-<uid>`. Neither sees the other's lock, so that both may run at once \
            on the same databases, one of which the newer has migrated.",
        remedy: &[
            "stop both",
            "upgrade both to one release",
            "start one",
        ],
        explains: &[Code::StateShared, Code::StateDbBroken],
        sources: &["docs/gateway/gateway-lock.md", "docs/install/updating.md", "openclaw/openclaw#112391"],
    },
    Entry {
        code: Code::StateLeaseForeign,
        title: "a live owner of another account or machine holds the state directory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "Lock paths carry the user id, so that accounts do not see each other's locks; the owner lease in the \
            database does, and a second gateway ends with `Another Gateway owner lease is still active for this \
            state directory`. A gateway once run with `sudo` does this, and leaves files that the user cannot write.",
        remedy: &[
            "stop the gateway of the other account or machine",
            "run this state directory's gateway from one account only",
            "give back what was left behind: `sudo chown -R <uid> <state directory>`",
        ],
        explains: &[
            Code::StateShared, Code::StateUidDrift, Code::StateReadonly, Code::UnitExitConfig, Code::UnitParked,
            Code::UnitRelaunchLoop, Code::GatewayRestartStorm, Code::PortSilent,
        ],
        sources: &["docs/gateway/gateway-lock.md"],
    },
    Entry {
        code: Code::StateUidDrift,
        title: "state belongs to another account than the one its gateway runs as",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "`EACCES: permission denied, open '….openclaw/openclaw.json….tmp'`, `attempt to write a readonly \
            database`: now, or at the next start. One command under `sudo`, a restored backup or a bind mount of uid \
            501 in a container of uid 1000 is enough.",
        remedy: &[
            "stop the gateway",
            "`sudo chown -R <uid> <state directory>`",
            "run gateway and command line as one account",
        ],
        explains: &[
            Code::StateReadonly, Code::GatewayNotReady, Code::UnitExitConfig, Code::UnitParked,
            Code::GatewayRestartStorm, Code::PortSilent, Code::PairingStateReadonly, Code::PairingIdentityLost,
        ],
        sources: &[
            "docs/install/docker.md", "chown(8)", "openclaw/openclaw#21571", "openclaw/openclaw#61279",
            "openclaw/openclaw#5434",
        ],
    },
    Entry {
        code: Code::StateReadonly,
        title: "the state directory cannot be written",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "The gateway ends with `attempt to write a readonly database`, or runs and loses devices, sessions and \
            tokens. The volume is mounted read-only, or the mode forbids it.",
        remedy: &[
            "mount it for writing, or mend the mode: `chmod 700 <state directory>`",
            "restart the gateway",
        ],
        explains: &[
            Code::PairingStateReadonly, Code::GatewayNotReady, Code::UnitParked, Code::UnitRelaunchLoop,
            Code::GatewayRestartStorm, Code::PortSilent, Code::UnitExitConfig, Code::PairingIdentityLost,
        ],
        sources: &["docs/gateway/doctor.md", "docs/install/docker.md", "openclaw/openclaw#21571"],
    },
    Entry {
        code: Code::StateEphemeral,
        title: "the gateway's state lies in the container's own layer",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "Recreating the container (an upgrade, `docker compose up` after a change) deletes it: identity, \
            approved devices, sessions, channels' logins. Every client has to be approved again.",
        remedy: &[
            "put `/home/node/.openclaw` on a named volume",
        ],
        explains: &[Code::PairingIdentityLost],
        sources: &["docs/install/docker.md"],
    },
    Entry {
        code: Code::StateSplitRoots,
        title: "state is written in more than one place",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "`.clawdbot`, `.moltbot` and `.openclaw` of one home are all in use, or one lies within another \
            (`Config: /home/node/.openclaw/.openclaw/openclaw.json`). Halves of the program then use different \
            devices, sessions and tokens: `pairing required` although the device is on the list. Where `.clawdbot` was \
            not moved, a gateway of today does not start at all: `requires state migration`.",
        remedy: &[
            "find which process writes where: `portreeve map`",
            "keep one root, and move the others aside with everything stopped",
            "set HOME to the home directory, not to a state directory",
        ],
        explains: &[
            Code::PortSilent, Code::UnitExitConfig, Code::UnitParked, Code::UnitUnloaded, Code::GatewayRestartStorm,
        ],
        sources: &[
            "docs/install/migrating.md", "openclaw/openclaw#3533", "openclaw/openclaw#5631", "truenas/apps#4580",
        ],
    },
    Entry {
        code: Code::StateNotShared,
        title: "gateway and command line of one project have different state where they need the same",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "The command line in its own container has its own configuration and device identity: another token, a \
            device that nobody approved.",
        remedy: &[
            "mount the same volume at the same path on both sides",
        ],
        explains: &[
            Code::PairingIdentityLost, Code::PairingPending, Code::PairingUnapproved, Code::TokenSplit, Code::TokenMissing,
            Code::TokenShadowed,
        ],
        sources: &["docs/install/docker.md", "openclaw/openclaw#55067"],
    },
    Entry {
        code: Code::StateOpen,
        title: "others can look into the state directory",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "It holds the gateway's token, device keys, channels' logins and all sessions. OpenClaw makes it 0700 \
            with files 0600; a copy, a restore or a helpful `chmod` opens it to every account of the node.",
        remedy: &[
            "`chmod 700 <state directory>`",
            "`chmod 600 <state directory>/openclaw.json`, and the databases",
            "change the token if the node has other users",
        ],
        explains: &[],
        sources: &["docs/gateway/security/secrets-and-storage.md", "chmod(1)"],
    },
    Entry {
        code: Code::StateDisk,
        title: "the volume of the state directory is nearly full",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "SQLite and logs stop with `ENOSPC`; `/readyz` does not test it and stays 200. A start that has to \
            migrate or to check databases needs room for a copy.",
        remedy: &[
            "free space: logs, old stability bundles, caches, local snapshots",
            "move the state to a larger local volume",
        ],
        explains: &[
            Code::StateDbBroken, Code::StateReadonly, Code::StateWal, Code::GatewayNotReady, Code::GatewayBreaker,
            Code::GatewayRestartStorm, Code::PortSilent,
        ],
        sources: &["docs/gateway/troubleshooting.md", "openclaw/openclaw#96084"],
    },
    Entry {
        code: Code::StateWal,
        title: "a write-ahead log has outgrown its database",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "A checkpoint copies the log back into the database and needs a moment without readers. A reader that \
            never ends, such as a backup, a stuck command or a tool with the database open, blocks it; reads become \
            slower and the disk fills.",
        remedy: &[
            "find who has the database open: `lsof <database>`",
            "end that reader, or restart the gateway",
        ],
        explains: &[Code::GatewayStalled],
        sources: &["https://www.sqlite.org/wal.html", "openclaw/openclaw#146775"],
    },
    Entry {
        code: Code::StateDbBroken,
        title: "the gateway says that a database is unusable",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "`database disk image is malformed`, `file is not a database`, or `Agent database maintenance is in \
            progress` for ever. `/healthz` stays green. Health checks by the command line of older releases, shares \
            of virtual machines, copies of a live database and full disks have done it.",
        remedy: &[
            "copy the state directory before anything else",
            "stop the gateway",
            "`openclaw doctor --fix`, then start the gateway",
        ],
        explains: &[
            Code::GatewayNotReady, Code::UnitExitConfig, Code::UnitParked, Code::GatewayRestartStorm,
            Code::PortSilent,
        ],
        sources: &[
            "docs/gateway/doctor.md", "https://www.sqlite.org/howtocorrupt.html", "openclaw/openclaw#101290",
            "openclaw/openclaw#114269", "openclaw/openclaw#134341",
        ],
    },
    Entry {
        code: Code::StateExternalVolume,
        title: "the state directory lies on a volume that is not local, or that is made for exchange",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "SQLite's write-ahead log needs shared memory and locks that network shares, shared folders of virtual \
            machines and some external volumes do not give. It works for a while, then `database is locked` or \
            `malformed`. OpenClaw falls back to a slower journal on volumes that it takes for network shares. exFAT and FAT \
            keep neither owners nor modes, so that whoever is logged in can read the secrets, and no journal of their \
            own, so that a disk that is pulled out or loses its power can take the databases with it.",
        remedy: &[
            "move the state to a local volume: with the gateway stopped copy it, then set `OPENCLAW_STATE_DIR`",
        ],
        explains: &[],
        sources: &[
            "https://www.sqlite.org/wal.html", "docs/gateway/doctor.md", "openclaw/openclaw#139214",
            "openclaw/openclaw#155927",
        ],
    },
    Entry {
        code: Code::StateAliased,
        title: "files of the state directory have a second name, or its registry points out of it",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "A snapshot tool with hard links (`rsync --link-dest`) gives files a second name: updates stop with \
            `artifact is not an unaliased regular file (nlink=2 …)`, and a write changes the backup too. A registry \
            that points elsewhere comes from a copied directory: it works on the files of the original.",
        remedy: &[
            "let the tool copy instead of link, or exclude the state directory",
            "replace aliased files by copies of themselves, with the gateway stopped",
            "after copying a state directory run `openclaw doctor --fix` on the copy, with both gateways stopped",
        ],
        explains: &[],
        sources: &[
            "docs/install/updating.md", "openclaw/openclaw#142584", "openclaw/openclaw#155012",
            "openclaw/openclaw#124728",
        ],
    },
    Entry {
        code: Code::MirrorTimeMachine,
        title: "Time Machine backs up the state directory",
        severity: Severity::Warning,
        symptom: false,
        layer: Layer::Alignment,
        why: "The copy of a live database is worthless, two identities appear after a restore, and a backup to a \
            network volume slows the system so much that a start fails.",
        remedy: &[
            "`tmutil addexclusion -p <state directory>`",
            "make another backup: copies with the gateway stopped, or SQLite's own backup",
        ],
        explains: &[Code::StateLockWait],
        sources: &["tmutil(8)", "openclaw/openclaw#155927", "openclaw/openclaw#85027"],
    },
    Entry {
        code: Code::MirrorBackupSlow,
        title: "a backup that runs now slows locks or the gateway's start",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "While Time Machine writes to a network volume, `mount` takes a second and more. Releases 2026.7 to \
            2026.9.5 then take the local volume for a network share, change the journal and fail with `Gateway \
            failed to start: database is locked`, until the breaker trips.",
        remedy: &[
            "`tmutil stopbackup`, then start the gateway",
            "exclude the state directory, move backups out of working hours, upgrade OpenClaw",
        ],
        explains: &[
            Code::StateLockWait, Code::GatewayStarting, Code::GatewayRestartStorm, Code::GatewayBreaker,
            Code::GatewayWedged,
        ],
        sources: &["tmutil(8)", "openclaw/openclaw#155927", "openclaw/openclaw#154492"],
    },
    Entry {
        code: Code::MirrorIcloud,
        title: "the state directory lies in iCloud Drive",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "The sync client opens, copies and evicts files under a live database. Files become placeholders, locks \
            race, and two Macs get each other's state.",
        remedy: &[
            "move the state out of iCloud Drive, Desktop and Documents: `~/.openclaw`",
        ],
        explains: &[Code::StateLockWait, Code::StateDbBroken],
        sources: &["docs/gateway/doctor.md", "openclaw/openclaw#31004"],
    },
    Entry {
        code: Code::MirrorCloud,
        title: "a sync client copies the state directory, or a part of it with databases",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "Dropbox, Google Drive, OneDrive, Syncthing and their like copy database, log and shared memory at \
            different moments. The other side gets a broken copy, or brings an old one back.",
        remedy: &[
            "move the state out of the synced folder, or exclude it there",
            "share no folder of the state directory but a workspace",
        ],
        explains: &[Code::StateLockWait, Code::StateDbBroken],
        sources: &["docs/gateway/doctor.md", "openclaw/openclaw#31004"],
    },
    Entry {
        code: Code::MirrorJob,
        title: "a job copies the state directory",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "A file-by-file copy of a live database is not a backup, and a two-way copy writes into it.",
        remedy: &[
            "exclude the live databases; copy with the gateway stopped, or by SQLite's own backup",
        ],
        explains: &[Code::StateLockWait, Code::StateDbBroken],
        sources: &["rsync(1)", "openclaw/openclaw#119757"],
    },
    Entry {
        code: Code::MirrorGhost,
        title: "one identity exists in two state directories",
        severity: Severity::Error,
        symptom: false,
        layer: Layer::Alignment,
        why: "A copied or restored directory carries the device key and the gateway's identity of the original. The \
            two evict each other's tokens and connections.",
        remedy: &[
            "retire one of the two",
            "or give the copy an identity of its own, with its gateway stopped",
        ],
        explains: &[Code::DeviceTokenStale, Code::TokenStorm],
        sources: &["docs/install/migrating.md", "openclaw/openclaw#124728"],
    },
];
