//! Fields of events' bodies, for the documentation.

use super::{Body, Name};

impl Body {
    /// The fields of a body with what they are; those of a report are in its JSON Schema.
    pub fn fields(name: Name) -> &'static [(&'static str, &'static str)] {
        match name {
            Name::AgentStarted => &[
                ("version", "version of the agent"),
                ("since", "since when the daemon runs"),
                ("boot", "what names this boot of the machine"),
                ("uptime_s", "seconds since that boot"),
                (
                    "interval_s",
                    "seconds between two deliveries of metrics; after three times as long the node is absent",
                ),
                ("updated_from", "the version that ran before, where it was another one"),
            ],
            Name::Report => &[],
            Name::VerdictChanged => &[
                ("from", "what it was; null for the first of all"),
                ("after_s", "for how many seconds it was that, as far as it was seen"),
                ("to", "what it is: `ready`, `degraded`, `blocked`, `unknown`"),
                ("since", "since when"),
                ("causes", "why: `code`, `subject` and `summary` of each root cause"),
                ("boot", "what names the boot of the machine in which it changed"),
            ],
            Name::FindingOpened => &[
                ("key", "tells it from the node's other findings; the event of its end has the same"),
                ("code", "its code"),
                ("severity", "`error`, `warning`, `info`"),
                ("layer", "its layer"),
                ("subject", "what it is about: `port:18789`"),
                ("summary", "one sentence"),
                ("root_cause", "whether it blocks and nothing else explains it"),
                ("explained_by", "the finding that explains it"),
                ("remedy", "how to mend it: `text`, `command`"),
                ("waived", "the waiver that takes it out of the verdict: `until`, `reason`"),
                ("changed", "whether it stood before, with another severity or waiver"),
            ],
            Name::FindingClosed => &[
                ("key", "as it was opened"),
                ("code", "its code"),
                ("severity", "the severity that it had"),
                ("layer", "its layer"),
                ("subject", "what it was about"),
                ("opened_at", "when it was first seen"),
                ("lasted_s", "seconds from there to the look that did not see it"),
            ],
            Name::AcceptanceFinished => &[
                ("accepted", "whether the node is accepted"),
                ("at", "when"),
                ("by", "by whom, where it is accepted"),
                ("by_hand", "whether a person said so, in spite of what the acceptance said"),
                ("reason", "why, where a person said so"),
                ("against", "what stands, or stood, against it"),
                ("os_build", "build of the operating system that was accepted, or that is not accepted yet"),
                ("occasions", "why the node had to be accepted anew"),
                ("attempts", "acceptances that were tried in this quarantine"),
            ],
            Name::ImageChanged => &[
                ("image", "the image: `docker.io/library/nginx:latest`"),
                ("used_by", "what uses it"),
                (
                    "from",
                    "what it was: `running`, `version`, `pinned`, `drift`, `registry`, `standing`, `roles`, `used_by`; null for one that came into use",
                ),
                ("to", "what it is; null for one that is not in use any more"),
            ],
            Name::SpoolDropped => &[
                ("records", "how many"),
                ("bytes", "their size"),
                ("total", "how many were ever dropped, with these"),
                ("oldest", "time of the oldest of them"),
                ("newest", "time of the newest of them"),
            ],
            Name::SpoolRefused => &[
                ("records", "how many"),
                ("total", "how many were ever refused, with these"),
                ("why", "what the endpoint said last"),
            ],
        }
    }
}
