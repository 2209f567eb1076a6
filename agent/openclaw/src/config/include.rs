//! `$include`: other files inside of a configuration.
//!
//! `$include` may be a key of any object, naming a file or a list of files, relative to the file it stands in. Several
//! files are merged in order, the object's other keys override what was included: objects merge by key, arrays
//! are joined, anything else is replaced. Files must lie in the directory of the main configuration or in one of
//! `OPENCLAW_INCLUDE_ROOTS`, by the letter and after links are resolved.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::load::{LoadOptions, SourceFile, parse};
use super::scan::MAX_RECORDED_KEYS;
use super::{ConfigError, Origin};
use crate::file::ReadError;
use crate::paths::absolute;

const KEY: &str = "$include";
/// Keys keep no origin once the paths of all others, with those of their files, come to this many bytes.
const MAX_ORIGIN_BYTES: usize = 4 << 20;

/// Why an included file was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeProblem {
    /// It lies outside of the configuration's directory and the include roots.
    OutsideRoots,
    /// It includes itself, directly or through others.
    Cycle,
    /// Includes nest too deep.
    TooManyLevels,
    /// There are too many includes, or they are too large together.
    TooMany,
    /// The file has several hard links.
    HardLinked,
    /// `$include` is neither a string nor a list of strings.
    NotText,
    /// The object has other keys, but what is included is no object.
    SiblingsNeedObject,
    /// The path is too long or holds a null byte.
    BadPath,
}

impl std::fmt::Display for IncludeProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OutsideRoots => "lies outside of the configuration's directory and of `OPENCLAW_INCLUDE_ROOTS`",
            Self::Cycle => "includes itself",
            Self::TooManyLevels => "is nested too deep",
            Self::TooMany => "exceeds the number or total size of included files",
            Self::HardLinked => "has several hard links",
            Self::NotText => "is neither a path nor a list of paths",
            Self::SiblingsNeedObject => "is no object, but keys beside it would override some of it",
            Self::BadPath => "is not a usable path",
        })
    }
}

/// Allowed directories, by the letter and with links resolved.
struct Boundary {
    roots: Vec<(PathBuf, PathBuf)>,
}

impl Boundary {
    fn new(config_path: &Path, include_roots: &[PathBuf]) -> Self {
        let directory = config_path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let roots = std::iter::once(directory)
            .chain(include_roots.iter().filter(|root| root.is_absolute()).cloned())
            .map(|root| {
                let real = fs::canonicalize(&root).unwrap_or_else(|_| root.clone());
                (root, real)
            })
            .collect();
        Self { roots }
    }

    fn contains_by_letter(&self, path: &Path) -> bool {
        self.roots.iter().any(|(root, _)| path.starts_with(root))
    }

    fn contains_real(&self, path: &Path) -> bool {
        self.roots.iter().any(|(_, real)| path.starts_with(real))
    }
}

/// The file that is being merged in.
struct Current<'a> {
    path: &'a Path,
    keys: &'a BTreeMap<Vec<String>, super::Position>,
    /// Files from the main configuration down to this one.
    chain: Vec<PathBuf>,
}

pub(super) struct Merger<'a> {
    options: &'a LoadOptions<'a>,
    boundary: Boundary,
    pub(super) files: Vec<SourceFile>,
    pub(super) origins: BTreeMap<Vec<String>, Origin>,
    origin_bytes: usize,
    bytes: u64,
}

impl<'a> Merger<'a> {
    pub(super) fn new(options: &'a LoadOptions<'a>, config_path: &Path, main: SourceFile) -> Self {
        let boundary = Boundary::new(config_path, options.include_roots);
        let bytes = main.meta.size;
        Self { options, boundary, files: vec![main], origins: BTreeMap::new(), origin_bytes: 0, bytes }
    }

    /// Merges the main configuration with all that it includes.
    pub(super) fn merge(
        &mut self,
        root: Value,
        path: &Path,
        keys: &BTreeMap<Vec<String>, super::Position>,
    ) -> Result<Value, ConfigError> {
        let current = Current { path, keys, chain: vec![path.to_path_buf()] };
        self.process(root, &current, &mut Vec::new(), &mut Vec::new())
    }

    fn process(
        &mut self,
        value: Value,
        current: &Current<'_>,
        logical: &mut Vec<String>,
        local: &mut Vec<String>,
    ) -> Result<Value, ConfigError> {
        match value {
            Value::Array(items) => {
                let mut result = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    logical.push(index.to_string());
                    local.push(index.to_string());
                    result.push(self.process(item, current, logical, local)?);
                    logical.pop();
                    local.pop();
                }
                Ok(Value::Array(result))
            }
            Value::Object(mut object) => match object.remove(KEY) {
                None => self.process_object(object, current, logical, local).map(Value::Object),
                Some(include) => {
                    let included = self.include(&include, current, logical)?;
                    if object.is_empty() {
                        return Ok(included);
                    }
                    let Value::Object(base) = included else {
                        return Err(problem(current, &shown(&include), IncludeProblem::SiblingsNeedObject));
                    };
                    let rest = self.process_object(object, current, logical, local)?;
                    Ok(Value::Object(merge_objects(base, rest)))
                }
            },
            other => Ok(other),
        }
    }

    fn process_object(
        &mut self,
        object: Map<String, Value>,
        current: &Current<'_>,
        logical: &mut Vec<String>,
        local: &mut Vec<String>,
    ) -> Result<Map<String, Value>, ConfigError> {
        let mut result = Map::new();
        for (key, value) in object {
            logical.push(key.clone());
            local.push(key.clone());
            if let Some(position) = current.keys.get(local.as_slice()) {
                self.record(logical, current.path, *position);
            }
            let value = self.process(value, current, logical, local)?;
            logical.pop();
            local.pop();
            result.insert(key, value);
        }
        Ok(result)
    }

    /// Below a long key that includes a file, every key of the file has a long path.
    fn record(&mut self, logical: &[String], file: &Path, position: super::Position) {
        let bytes = logical.iter().map(String::len).sum::<usize>() + file.as_os_str().len();
        if self.origins.len() < MAX_RECORDED_KEYS && self.origin_bytes + bytes <= MAX_ORIGIN_BYTES {
            self.origin_bytes += bytes;
            self.origins.insert(logical.to_vec(), Origin { file: file.to_path_buf(), position });
        }
    }

    fn include(
        &mut self,
        include: &Value,
        current: &Current<'_>,
        logical: &mut Vec<String>,
    ) -> Result<Value, ConfigError> {
        match include {
            Value::String(path) => self.load(path, current, logical),
            Value::Array(paths) => {
                let mut merged = Value::Object(Map::new());
                for path in paths {
                    let Value::String(path) = path else {
                        return Err(problem(current, &shown(include), IncludeProblem::NotText));
                    };
                    let next = self.load(path, current, logical)?;
                    merged = merge_values(merged, next);
                }
                Ok(merged)
            }
            _ => Err(problem(current, &shown(include), IncludeProblem::NotText)),
        }
    }

    fn load(&mut self, written: &str, current: &Current<'_>, logical: &mut Vec<String>) -> Result<Value, ConfigError> {
        let limits = &self.options.limits;
        let refuse = |reason| Err(problem(current, written, reason));
        if written.contains('\0') || written.len() >= limits.include_path_bytes {
            return refuse(IncludeProblem::BadPath);
        }
        let path = absolute(Path::new(written), current.path.parent().unwrap_or(Path::new("/")));
        if !self.boundary.contains_by_letter(&path) {
            return refuse(IncludeProblem::OutsideRoots);
        }
        let real = fs::canonicalize(&path).map_err(|source| ConfigError::IncludeRead {
            path: current.path.to_path_buf(),
            include: path.clone(),
            source: ReadError::from_io(&path, source),
        })?;
        if !self.boundary.contains_real(&real) {
            return refuse(IncludeProblem::OutsideRoots);
        }
        if current.chain.contains(&path) {
            return refuse(IncludeProblem::Cycle);
        }
        if current.chain.len() > limits.include_depth {
            return refuse(IncludeProblem::TooManyLevels);
        }
        if self.files.len() > limits.include_files || self.bytes > limits.total_bytes {
            return refuse(IncludeProblem::TooMany);
        }
        let content = self.options.reader.read(&real, limits.file_bytes).map_err(|source| {
            ConfigError::IncludeRead { path: current.path.to_path_buf(), include: path.clone(), source }
        })?;
        if content.meta.nlink > 1 {
            return refuse(IncludeProblem::HardLinked);
        }
        self.bytes = self.bytes.saturating_add(content.meta.size);
        let parsed = parse(&content.bytes, &path, limits.depth)?;
        let file = SourceFile { path: path.clone(), meta: content.meta, duplicates: parsed.scan.duplicates };
        self.files.push(file);
        let mut chain = current.chain.clone();
        chain.push(path.clone());
        let nested = Current { path: &path, keys: &parsed.scan.keys, chain };
        self.process(parsed.value, &nested, logical, &mut Vec::new())
    }
}

fn problem(current: &Current<'_>, include: &str, problem: IncludeProblem) -> ConfigError {
    ConfigError::Include { path: current.path.to_path_buf(), include: include.to_owned(), problem }
}

/// The path in an `$include`, or its key where it is none: a value of another kind is not repeated in messages.
fn shown(include: &Value) -> String {
    include.as_str().unwrap_or(KEY).to_owned()
}

fn merge_values(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => Value::Object(merge_objects(base, over)),
        (Value::Array(mut base), Value::Array(over)) => {
            base.extend(over);
            Value::Array(base)
        }
        (_, over) => over,
    }
}

fn merge_objects(mut base: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let merged = match base.remove(&key) {
            Some(current) => merge_values(current, value),
            None => value,
        };
        base.insert(key, merged);
    }
    base
}
