//! The embedded central endpoint: OTLP in, `SQLite`, the fleet board.
