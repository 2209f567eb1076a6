//! Who may be shown a gateway's secret.

use portreeve_core::snapshot::Listener;

/// Whether the listeners belong to this gateway, so that they may be shown its secret.
pub(super) fn trusted(listeners: &Result<Vec<&Listener>, &str>, pids: &[u32], owner_uid: u32) -> Result<(), String> {
    let listeners = listeners.as_ref().map_err(|why| format!("it is not known who listens: {why}"))?;
    if listeners.is_empty() {
        // Whoever binds the port in this very moment is nobody that was looked at.
        return Err("nothing listened when it was looked at".to_owned());
    }
    for listener in listeners {
        if listener.pids.is_empty() {
            return Err("the listener's process is hidden, and a secret is shown to nobody unknown".to_owned());
        }
        if let Some(stranger) = listener.pids.iter().find(|pid| !pids.contains(pid)) {
            return Err(format!("pid {stranger} on the port is not this gateway, and is not shown its secret"));
        }
        if listener.uid.is_some_and(|uid| uid != 0 && uid != owner_uid) {
            return Err("the listener belongs to another user, and is not shown the secret".to_owned());
        }
    }
    Ok(())
}
