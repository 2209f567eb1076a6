//! Compose files as Docker Compose reads them, with the place of every value.
