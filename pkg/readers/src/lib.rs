//! Reads the package with `apple-flat-package`, `apple-xar` and `apple-bom`: see the tests.
