//! Relative paths of a service, against the folder that its file counts from.

use std::path::Path;

use crate::files::join;
use crate::node::{Kind, Node};

/// Resolves the path of a scalar. What begins with a variable that nobody gives stays as it is.
pub(crate) fn path(node: &mut Node, folder: &Path) {
    let Kind::Scalar(scalar) = &mut node.kind else { return };
    let begins_unknown = scalar.unknown.as_ref().is_some_and(|unknown| unknown.expression.starts_with("${"));
    if begins_unknown || scalar.text.is_empty() || scalar.text.starts_with(['/', '~']) {
        return;
    }
    scalar.text = join(folder, &scalar.text).to_string_lossy().into_owned();
    if let Some(unknown) = &mut scalar.unknown {
        unknown.expression = join(folder, &unknown.expression).to_string_lossy().into_owned();
    }
    scalar.plain = false;
}

/// Whether a build context lies elsewhere.
pub(crate) fn is_remote_context(text: &str) -> bool {
    text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/")
}
