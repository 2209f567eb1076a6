//! How a node gets a credential of its own.

/// Most characters of a name.
const MAX_NAME: usize = 100;

/// A name of a node or a viewer, without blanks around it; none where it is empty, too long or holds control characters.
pub fn checked_name(name: &str) -> Option<String> {
    let name = name.trim();
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}
