//! What agents tell a central endpoint: the names of metrics and events, their form in the OpenTelemetry protocol, and the messages by
//! which a node enrols. Agent and endpoint share it, so that neither can mean something else by a name.

pub mod encode;
pub mod enrol;
pub mod event;
pub mod gauges;
pub mod histogram;
pub mod ledger;
pub mod metric;
pub mod otlp;
pub mod read;
pub mod told;
pub mod value;
