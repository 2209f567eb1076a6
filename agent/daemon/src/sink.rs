//! Where reports and changes go.

use portreeve_core::history::Change;
use portreeve_core::status::Judgement;
use portreeve_store::Folder;

/// Takes what the daemon comes to know. It is called from the daemon's loop and must not wait.
pub trait Sink {
    /// A new verdict was come to, the same as before or not. The report lies whole in `folder`, as [`crate::REPORT_FILE`].
    fn judged(&mut self, judgement: &Judgement, folder: &Folder);

    /// The verdict or its causes are not what they were.
    fn changed(&mut self, change: &Change);
}
