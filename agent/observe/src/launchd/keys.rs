//! The keys of a job definition: `launchd.plist(5)` and those that Apple's own jobs use.

/// A key that is not launchd's, with what it may have been meant to be.
pub(super) fn oddity(name: &str) -> Option<String> {
    if name.starts_with(['_', '#']) || KNOWN.binary_search(&name).is_ok() {
        return None;
    }
    let near = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name)).or_else(|| {
        let close = |known: &&&str| known.len() >= 6 && distance_at_most(known.as_bytes(), name.as_bytes(), 2);
        KNOWN.iter().find(close)
    });
    let name: String = name.chars().take(60).collect();
    Some(match near {
        Some(near) => format!("`{name}` is not a key of launchd, `{near}` is"),
        None => format!("`{name}` is not a key of launchd"),
    })
}

/// Whether two names differ by at most `limit` insertions, deletions or substitutions.
fn distance_at_most(left: &[u8], right: &[u8], limit: usize) -> bool {
    if left.len().abs_diff(right.len()) > limit {
        return false;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut next = vec![i + 1];
        for ((j, b), pair) in right.iter().enumerate().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            let before = next.get(j).copied().unwrap_or(usize::MAX);
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(before + 1));
        }
        // It grows from row to row.
        if next.iter().all(|distance| *distance > limit) {
            return false;
        }
        row = next;
    }
    row.last().is_some_and(|distance| *distance <= limit)
}

/// In the order of their bytes.
const KNOWN: [&str; 92] = [
    "AbandonCoalition",
    "AbandonProcessGroup",
    "AssociatedBundleIdentifiers",
    "AuxiliaryBootstrapper",
    "AuxiliaryBootstrapperAllowDemand",
    "BeginTransactionAtShutdown",
    "BinaryOrderPreference",
    "BundleProgram",
    "CFBundleIdentifier",
    "Comment",
    "DatabaseStore",
    "Debug",
    "Description",
    "DisableASLR",
    "Disabled",
    "DrainMessagesOnFailedInit",
    "EnableGlobbing",
    "EnablePressuredExit",
    "EnableTransactions",
    "EnterKernelDebuggerBeforeKill",
    "EnvironmentVariables",
    "ExitTimeOut",
    "GroupName",
    "HardResourceLimits",
    "HighPriorityIO",
    "HopefullyExitsFirst",
    "HopefullyExitsLast",
    "InitGroups",
    "JetsamProperties",
    "JoinExistingSession",
    "JoinGUISession",
    "KeepAlive",
    "Label",
    "LaunchEvents",
    "LaunchOnlyOnce",
    "LegacyTimers",
    "LimitLoadFromBootMode",
    "LimitLoadFromHardware",
    "LimitLoadFromHosts",
    "LimitLoadFromVariant",
    "LimitLoadToBootMode",
    "LimitLoadToDeveloperMode",
    "LimitLoadToHardware",
    "LimitLoadToHosts",
    "LimitLoadToSessionType",
    "LimitLoadToVariant",
    "LowPriorityBackgroundIO",
    "LowPriorityIO",
    "MachExceptionHandler",
    "MachServiceName",
    "MachServices",
    "MaterializeDatalessFiles",
    "MinimalBootProfile",
    "MultipleInstances",
    "Nice",
    "OnDemand",
    "POSIXSpawnType",
    "PersistentJob",
    "PressuredExit",
    "ProcessType",
    "Program",
    "ProgramArguments",
    "PublishesEvents",
    "QueueDirectories",
    "RemoteServices",
    "RootDirectory",
    "RunAtLoad",
    "RunLoopType",
    "SandboxContainer",
    "SandboxFlags",
    "SandboxProfile",
    "ServiceIPC",
    "SessionCreate",
    "ShutdownMonitor",
    "Sockets",
    "SoftResourceLimits",
    "SpawnConstraint",
    "StandardErrorPath",
    "StandardInPath",
    "StandardOutPath",
    "StartCalendarInterval",
    "StartInterval",
    "StartOnMount",
    "ThrottleInterval",
    "TimeOut",
    "TransactionTimeLimitEnabled",
    "Umask",
    "UserName",
    "WaitForDebugger",
    "WatchPaths",
    "WorkingDirectory",
    "inetdCompatibility",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_name_the_key_that_was_meant() {
        assert_eq!(oddity("KeepAlive"), None);
        assert_eq!(oddity("_LimitLoadToVariant"), None);
        assert_eq!(
            oddity("enabletransactions").unwrap(),
            "`enabletransactions` is not a key of launchd, `EnableTransactions` is"
        );
        assert_eq!(
            oddity("EnabledPressuredExit").unwrap(),
            "`EnabledPressuredExit` is not a key of launchd, `EnablePressuredExit` is"
        );
        assert_eq!(oddity("ServiceDescription").unwrap(), "`ServiceDescription` is not a key of launchd");
    }

    #[test]
    fn names_are_in_order() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn distance() {
        assert!(distance_at_most(b"KeepAlive", b"KeepAlve", 2));
        assert!(distance_at_most(b"", b"ab", 2));
        assert!(!distance_at_most(b"abc", b"xyz", 2));
    }
}
