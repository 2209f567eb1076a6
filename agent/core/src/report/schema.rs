//! The report's JSON Schema.

use super::Report;

/// The JSON Schema of [`Report`], generated from the types.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Report)
}
