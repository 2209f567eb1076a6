//! From files to a project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portreeve_core::snapshot::Place;

use crate::at::At;
use crate::files::{FileError, Files, join};
use crate::model::{Problem, Project};
use crate::node::{Kind, Map, Node};
use crate::{MAX_FILES, MAX_NAME_BYTES, MAX_NODES, MAX_PATH_BYTES, canonical, check, discover, dotenv, merge, yaml};

/// What to load.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Files, later ones over earlier ones. Empty: those that Compose would find in [`Options::project_dir`].
    pub files: Vec<PathBuf>,
    /// Folder that relative paths start from; none for that of the first file.
    pub project_dir: Option<PathBuf>,
    /// Name of the project; none for the one that the files or the folder give.
    pub name: Option<String>,
    /// Files of variables instead of `.env` in the project's folder, later ones over earlier ones.
    pub env_files: Vec<PathBuf>,
    /// Profiles that are on, besides those of `COMPOSE_PROFILES`.
    pub profiles: Vec<String>,
    /// Every profile is on.
    pub all_profiles: bool,
    /// Variables that count above those of files. Compose takes the shell's; a result that is the same everywhere has none.
    pub environment: BTreeMap<String, String>,
}

/// Loads a project. What cannot be read or followed is among its problems.
pub fn load(options: &Options, files: &dyn Files) -> Project {
    let named_dir = options.project_dir.clone();
    let first_dir = options.files.first().and_then(|file| file.parent()).map(Path::to_owned);
    let working_dir = plain(&named_dir.or(first_dir).unwrap_or_default());
    let mut loader = Loader::new(files, &working_dir);
    if !loader.is_path(&working_dir, None) {
        return loader.project;
    }
    loader.all_profiles = options.all_profiles;
    loader.read_variables(options);
    let mut paths: Vec<PathBuf> =
        options.files.iter().map(|path| join(Path::new(""), &path.to_string_lossy())).collect();
    if paths.is_empty() {
        paths = loader.discovered(options);
    }
    loader.profiles.clone_from(&options.profiles);
    if let Some(more) = loader.variables.get("COMPOSE_PROFILES") {
        loader.profiles.extend(more.split(',').map(|profile| profile.trim().to_owned()));
    }
    let name = options.name.clone().or_else(|| loader.variables.get("COMPOSE_PROJECT_NAME").cloned());
    let mut root = loader.merged(&paths, &working_dir, &mut vec![]);
    let name = name.or_else(|| root.get("name").and_then(Node::string)).filter(|name| !name.is_empty());
    if name.as_ref().is_some_and(|name| name.len() > MAX_NAME_BYTES) {
        loader.fatal(None, format!("the name of the project is longer than {MAX_NAME_BYTES} bytes"));
    }
    let name = name.filter(|name| name.len() <= MAX_NAME_BYTES);
    loader.project.name = name.unwrap_or_else(|| folder_name(&working_dir));
    loader.project.working_dir = working_dir;
    merge::drop_reset(&mut root);
    loader.extract(&root);
    check::project(&mut loader.project, &options.profiles);
    loader.project.problems.dedup();
    loader.project
}

fn plain(path: &Path) -> PathBuf {
    join(Path::new(""), &path.to_string_lossy())
}

/// A folder's name as Compose makes a project's name of it.
fn folder_name(folder: &Path) -> String {
    let named = folder.file_name().is_some();
    let real = if named { None } else { std::path::absolute(folder).ok() };
    let name = real.as_deref().unwrap_or(folder).file_name().map(|name| name.to_string_lossy().to_lowercase());
    let kept: String = name
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-'))
        .collect();
    let kept = kept.trim_start_matches(['_', '-']);
    if kept.is_empty() { "default".to_owned() } else { kept.to_owned() }
}

/// A load under way.
pub(crate) struct Loader<'a> {
    pub(crate) files: &'a dyn Files,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) profiles: Vec<String>,
    pub(crate) all_profiles: bool,
    pub(crate) project: Project,
    pub(crate) budget: usize,
    is_spent: bool,
    opened: usize,
}

impl<'a> Loader<'a> {
    fn new(files: &'a dyn Files, working_dir: &Path) -> Self {
        Self {
            files,
            variables: BTreeMap::new(),
            profiles: Vec::new(),
            all_profiles: false,
            project: Project { working_dir: working_dir.to_owned(), ..Project::default() },
            budget: MAX_NODES,
            is_spent: false,
            opened: 0,
        }
    }

    pub(crate) fn fatal(&mut self, place: Option<Place>, message: impl Into<String>) {
        self.project.problems.push(Problem { place, message: message.into(), fatal: true });
    }

    pub(crate) fn warn(&mut self, place: Option<Place>, message: impl Into<String>) {
        self.project.problems.push(Problem { place, message: message.into(), fatal: false });
    }

    /// Takes nodes off those that a project may have; false where there are too many, which is said once.
    pub(crate) fn spend(&mut self, nodes: usize, place: &Place) -> bool {
        match self.budget.checked_sub(nodes).filter(|_| !self.is_spent) {
            Some(left) => self.budget = left,
            None if self.is_spent => {}
            None => {
                self.is_spent = true;
                let what = "with all that aliases, variables, ranges of ports and `extends` make of them";
                self.fatal(Some(place.clone()), format!("more than {MAX_NODES} values, {what}"));
            }
        }
        !self.is_spent
    }

    /// Whether there were too many nodes.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// Whether a folder may be one of this system, which is said where it may not.
    pub(crate) fn is_path(&mut self, folder: &Path, place: Option<&Place>) -> bool {
        let fits = folder.as_os_str().len() <= MAX_PATH_BYTES;
        if !fits {
            self.fatal(place.cloned(), format!("the path of a folder is longer than {MAX_PATH_BYTES} bytes"));
        }
        fits
    }

    /// Takes one more file into account; false where there are too many.
    pub(crate) fn may_open(&mut self, place: Option<&Place>) -> bool {
        self.opened += 1;
        if self.opened == MAX_FILES + 1 {
            self.fatal(place.cloned(), format!("more than {MAX_FILES} files"));
        }
        self.opened <= MAX_FILES
    }

    fn read_variables(&mut self, options: &Options) {
        let default = join(&self.project.working_dir, ".env");
        let named = !options.env_files.is_empty();
        let paths = if named { options.env_files.clone() } else { vec![default] };
        self.variables.clone_from(&options.environment);
        let mut found = BTreeMap::new();
        for path in paths {
            if named || self.files.exists(&path) {
                found.extend(self.variables_of(&path, &found));
            }
        }
        for (name, value) in found {
            self.variables.entry(name).or_insert(value);
        }
    }

    /// The variables of a file that names them for interpolation.
    pub(crate) fn variables_of(&mut self, path: &Path, before: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let file = path.to_string_lossy().into_owned();
        let place = |line| Some(Place { file: file.clone(), line, column: 1 });
        if !self.may_open(None) {
            return BTreeMap::new();
        }
        let text = match self.files.read(path) {
            Ok(text) => text,
            Err(error) => {
                self.fatal(place(1), format!("cannot read the file of variables: {error}"));
                return BTreeMap::new();
            }
        };
        let lookup = |name: &str| self.variables.get(name).or_else(|| before.get(name)).cloned();
        match dotenv::parse(&text, &lookup, &mut self.budget) {
            Ok(assignments) => assignments
                .into_iter()
                .filter_map(|one| {
                    let value = match one.value {
                        Some(expanded) => expanded.text,
                        None => lookup(&one.name)?,
                    };
                    Some((one.name, value))
                })
                .collect(),
            Err(error) => {
                self.fatal(place(error.line), error.message);
                BTreeMap::new()
            }
        }
    }

    fn discovered(&mut self, options: &Options) -> Vec<PathBuf> {
        let folder = self.project.working_dir.clone();
        if let Some(list) = self.variables.get("COMPOSE_FILE").filter(|list| !list.is_empty()) {
            let separator = self.variables.get("COMPOSE_PATH_SEPARATOR").filter(|one| !one.is_empty());
            let separator = separator.map_or(":", String::as_str);
            return list.split(separator).take(MAX_FILES + 1).map(|path| join(&folder, path)).collect();
        }
        let found = discover::files(&folder, self.files);
        if found.is_empty() {
            let shown = options.project_dir.as_deref().unwrap_or(Path::new("."));
            self.fatal(
                None,
                format!(
                    "no Compose file in `{}` (none of {}): name the file, or the folder that has one",
                    shown.display(),
                    discover::MAIN.join(", ")
                ),
            );
        }
        found.iter().map(|path| plain(path)).collect()
    }

    /// The files of a project, each interpolated, extended and in long form, merged in their order, with what they include.
    pub(crate) fn merged(&mut self, paths: &[PathBuf], working_dir: &Path, including: &mut Vec<PathBuf>) -> Node {
        let mut root: Option<Node> = None;
        for path in paths {
            if including.contains(path) {
                self.fatal(Some(start(path)), "the file includes itself");
                continue;
            }
            self.project.files.push(path.clone());
            for document in self.documents(path, None) {
                let extended = self.extended(document, path, working_dir);
                root = Some(match root {
                    Some(base) => merge::merge(base, extended),
                    None => extended,
                });
            }
        }
        let at = At::start(&Arc::from(paths.first().map(|path| path.to_string_lossy()).unwrap_or_default().as_ref()));
        let mut root = root.unwrap_or_else(|| Node::new(at, Kind::Map(Map::new())));
        let depth = including.len();
        including.extend(paths.iter().cloned());
        self.include(&mut root, working_dir, including);
        including.truncate(depth);
        root
    }

    /// The documents of a file with their variables filled in; each is a mapping.
    pub(crate) fn documents(&mut self, path: &Path, named_at: Option<&Place>) -> Vec<Node> {
        let file: Arc<str> = Arc::from(path.to_string_lossy().as_ref());
        if !self.may_open(named_at) {
            return Vec::new();
        }
        let text = match self.files.read(path) {
            Ok(text) => text,
            Err(error) => {
                let place = named_at.cloned().unwrap_or_else(|| start(path));
                let message = match (named_at, error) {
                    (Some(_), error) => format!("cannot read `{file}`: {error}"),
                    (None, FileError::Missing) => "there is no such file".to_owned(),
                    (None, error) => format!("cannot read the file: {error}"),
                };
                self.fatal(Some(place), message);
                return Vec::new();
            }
        };
        let mut documents = match yaml::parse(&text, &file, &mut self.budget) {
            Ok(documents) => documents,
            Err(error) => {
                let place = Place { file: file.to_string(), line: error.line, column: error.column };
                self.fatal(Some(place), error.message);
                return Vec::new();
            }
        };
        documents.retain(|document| !document.is_null());
        if documents.is_empty() {
            self.fatal(Some(start(path)), "the file is empty");
        }
        documents.retain(|document| {
            let is_map = document.map().is_some();
            if !is_map {
                let message = format!("a Compose file is a mapping, and this is {}", document.word());
                self.fatal(Some(document.at.place()), message);
            }
            is_map
        });
        for document in &mut documents {
            self.interpolate(document);
        }
        documents
    }

    /// A document in long form with every `extends` followed.
    fn extended(&mut self, mut document: Node, path: &Path, working_dir: &Path) -> Node {
        canonical::document(&mut document, working_dir, self);
        self.extend_services(&mut document, path, working_dir);
        document
    }
}

/// The beginning of a file.
fn start(path: &Path) -> Place {
    Place { file: path.to_string_lossy().into_owned(), line: 1, column: 1 }
}
