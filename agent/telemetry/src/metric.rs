//! Metrics: their names, units and attributes.
