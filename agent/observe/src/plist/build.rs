//! A tree of values from a stream of events, with every limit kept.

use super::{Dictionary, MAX_DEPTH, MAX_UNFOLDED_BYTES, MAX_VALUES, ParseError, Value};

/// An open array or dictionary.
pub(super) enum Open {
    Array(Vec<Value>),
    Dictionary { members: Dictionary, key: Option<String> },
}

/// Why a value could not be placed.
pub(super) enum Misplaced {
    Limit(ParseError),
    Wrong(&'static str),
}

#[derive(Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    values: usize,
    bytes: usize,
    root: Option<Value>,
}

impl Builder {
    /// The innermost open container.
    pub(super) fn innermost(&self) -> Option<&Open> {
        self.open.last()
    }

    /// Whether the root value is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.root.is_some()
    }

    pub(super) fn begin_array(&mut self) -> Result<(), Misplaced> {
        self.begin(Open::Array(Vec::new()))
    }

    pub(super) fn begin_dictionary(&mut self) -> Result<(), Misplaced> {
        self.begin(Open::Dictionary { members: Dictionary::new(), key: None })
    }

    fn begin(&mut self, container: Open) -> Result<(), Misplaced> {
        self.expect_place()?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Misplaced::Limit(ParseError::TooDeep));
        }
        self.open.push(container);
        Ok(())
    }

    /// Closes the innermost container.
    pub(super) fn end(&mut self) -> Result<(), Misplaced> {
        match self.open.pop() {
            Some(Open::Array(values)) => self.place(Value::Array(values)),
            Some(Open::Dictionary { members, key: None }) => self.place(Value::Dictionary(members)),
            Some(Open::Dictionary { key: Some(_), .. }) => Err(Misplaced::Wrong("a key has no value")),
            None => Err(Misplaced::Wrong("an end without a beginning")),
        }
    }

    /// The key of the next value in the innermost dictionary.
    pub(super) fn key(&mut self, name: String) -> Result<(), Misplaced> {
        self.count_bytes(name.len())?;
        match self.open.last_mut() {
            Some(Open::Dictionary { key, .. }) if key.is_none() => {
                *key = Some(name);
                Ok(())
            }
            Some(Open::Dictionary { .. }) => Err(Misplaced::Wrong("a key has no value")),
            _ => Err(Misplaced::Wrong("a key outside of a dictionary")),
        }
    }

    pub(super) fn value(&mut self, value: Value) -> Result<(), Misplaced> {
        self.expect_place()?;
        match &value {
            Value::String(text) => self.count_bytes(text.len())?,
            Value::Data(data) => self.count_bytes(data.len())?,
            _ => {}
        }
        self.place(value)
    }

    /// The root value, when everything is closed.
    pub(super) fn finish(self) -> Option<Value> {
        self.root
    }

    fn expect_place(&mut self) -> Result<(), Misplaced> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Misplaced::Limit(ParseError::TooManyValues));
        }
        match self.open.last() {
            Some(Open::Dictionary { key: None, .. }) => Err(Misplaced::Wrong("a value without a key")),
            None if self.root.is_some() => Err(Misplaced::Wrong("a second value at the top")),
            _ => Ok(()),
        }
    }

    fn count_bytes(&mut self, bytes: usize) -> Result<(), Misplaced> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_UNFOLDED_BYTES {
            return Err(Misplaced::Limit(ParseError::TooMuchText));
        }
        Ok(())
    }

    fn place(&mut self, value: Value) -> Result<(), Misplaced> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::Array(values)) => values.push(value),
            Some(Open::Dictionary { members, key }) => match key.take() {
                Some(key) => {
                    members.insert(key, value);
                }
                None => return Err(Misplaced::Wrong("a value without a key")),
            },
        }
        Ok(())
    }
}
