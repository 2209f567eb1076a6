//! Whether a gate may be put in the place of a unit.

use crate::catalogue::Code;
use crate::report::Report;
use crate::snapshot::{Snapshot, UnitRole};

/// What says that somebody else has, or would take, the port of a gateway.
const CODES: [Code; 5] =
    [Code::PortContended, Code::PortForeign, Code::PortOrphan, Code::UnitDuplicate, Code::UnitPortWar];

/// What stands in the way of a gate: another owner of the port, or that owners cannot be seen.
pub fn conflicts(snapshot: &Snapshot, report: &Report) -> Vec<String> {
    let blind = snapshot.listeners.blind().map(|why| format!("who listens cannot be seen: {why}"));
    let found = report.findings.iter().filter(|finding| CODES.contains(&finding.code) && finding.waived.is_none());
    blind.into_iter().chain(found.map(|finding| format!("{}: {}", finding.code.as_str(), finding.summary))).collect()
}

/// Whether a unit with this label runs a gateway; none where there is no such unit.
pub fn is_gateway_unit(snapshot: &Snapshot, label: &str) -> Option<bool> {
    let mut named = snapshot.units.units.iter().filter(|unit| unit.label == label).peekable();
    named.peek()?;
    Some(named.any(|unit| unit.role == UnitRole::Gateway))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;

    #[test]
    fn another_owner_stands_in_the_way_and_a_well_node_does_not() {
        let well = healthy();
        assert_eq!(conflicts(&well, &report(&well)), [] as [&str; 0]);
        let taken = node(|node| {
            kill_gateway(node);
            add_process(node, foreign_process(99, "/usr/bin/python3"));
            value(&mut node.listeners).push(listener(PORT, 99));
        });
        let said = conflicts(&taken, &report(&taken));
        assert!(said.iter().any(|line| line.starts_with("port.foreign: port 18789")), "{said:?}");
        let unseen = node(|node| node.listeners = denied());
        let said = conflicts(&unseen, &report(&unseen));
        assert!(said.iter().any(|line| line.starts_with("who listens cannot be seen: ")), "{said:?}");
    }

    #[test]
    fn a_label_is_that_of_a_gateway_or_not() {
        let mut well = healthy();
        let label = well.units.units[0].label.clone();
        assert_eq!(is_gateway_unit(&well, &label), Some(true));
        assert_eq!(is_gateway_unit(&well, "com.example.absent"), None);
        first_unit(&mut well).role = UnitRole::NodeHost;
        assert_eq!(is_gateway_unit(&well, &label), Some(false));
    }
}
