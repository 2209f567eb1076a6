//! `portreeve lint`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use portreeve_compose::{Options, Project, UserFiles, discover, load};
use portreeve_core::lint;
use portreeve_observe::compose::{Reading, snapshot};
use portreeve_openclaw::file::Reader;

use super::{json, observe};
use crate::cli::{Global, LintArgs, LintFormat};
use crate::error::UserError;
use crate::{output, render};

pub(super) fn run(global: &Global, args: &LintArgs) -> Result<u8> {
    let settings = observe::settings(global)?;
    let projects = projects(args)?;
    let reading = Reading {
        reader: Reader::for_self(None),
        key: portreeve_observe::key::passing().context("cannot make fingerprints")?,
        shown_from: std::env::current_dir().ok(),
        at: jiff::Timestamp::now(),
    };
    let nodes: Vec<&[Project]> = if args.apart { projects.chunks(1).collect() } else { vec![&projects] };
    let report = nodes
        .into_iter()
        .map(|on_node| lint::lint(&snapshot(on_node, &reading, env!("CARGO_PKG_VERSION")), &settings.policy))
        .reduce(lint::LintReport::and)
        .context("no project")?;
    let text = match args.format {
        LintFormat::Text => {
            let unset: Vec<_> = projects.iter().flat_map(|project| &project.unset).collect();
            render::lint_text(&report, &unset, global.verbose > 0, output::width())
        }
        LintFormat::Json => json(&report)?,
        LintFormat::Github => render::lint_github(&report),
        LintFormat::Sarif => json(&render::lint_sarif(&report))?,
    };
    output::verdict(&text)?;
    Ok(report.exit_status(args.strict))
}

/// The projects that were named: one of all `--file`, and one of each argument.
fn projects(args: &LintArgs) -> Result<Vec<Project>> {
    let base = Options {
        project_dir: args.project_directory.clone(),
        name: args.project_name.clone(),
        env_files: args.env_file.clone(),
        profiles: args.profile.clone(),
        all_profiles: args.all_profiles,
        environment: if args.use_environment { environment() } else { Options::default().environment },
        ..Options::default()
    };
    for path in args.file.iter().chain(&args.compose).chain(&args.env_file) {
        std::fs::metadata(path).map_err(|source| UserError::Read { path: path.clone(), source })?;
    }
    let mut all = Vec::new();
    if !args.file.is_empty() {
        all.push(Options { files: args.file.clone(), ..base.clone() });
    }
    for group in groups(&args.compose) {
        all.push(match group.as_slice() {
            [folder] if folder.is_dir() => Options { project_dir: Some(folder.clone()), ..base.clone() },
            _ => Options { files: group, ..base.clone() },
        });
    }
    if all.is_empty() {
        all.push(base);
    }
    let mut names = BTreeSet::new();
    let mut projects = Vec::new();
    for mut options in all {
        let mut project = load(&options, &UserFiles);
        let name = project.name.clone();
        let mut number = 2;
        // Projects of one name in several folders are judged apart; deployed they would be one.
        while !names.insert(project.name.clone()) {
            options.name = Some(format!("{name}-{number}"));
            project = load(&options, &UserFiles);
            number += 1;
        }
        projects.push(project);
    }
    Ok(projects)
}

/// Each argument by itself, but a main file and the override beside it together, whichever of them was named.
fn groups(paths: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let mut groups: Vec<Vec<PathBuf>> = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        let is_one_of = |known: &[&str]| known.iter().any(|known| name == *known);
        let found = if is_one_of(&discover::MAIN) {
            beside(path, &discover::OVERRIDE).map(|other| vec![path.clone(), other])
        } else if is_one_of(&discover::OVERRIDE) {
            beside(path, &discover::MAIN).map(|main| vec![main, path.clone()])
        } else {
            None
        };
        let group = found.unwrap_or_else(|| vec![path.clone()]);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// The first file of these names in the folder of another.
fn beside(path: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| path.with_file_name(name)).find(|path| path.is_file())
}

fn environment() -> std::collections::BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_file_and_its_override_are_one_project_whichever_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["compose.yaml", "compose.override.yaml", "other.yaml"] {
            std::fs::write(path(name), "").unwrap();
        }
        let both = vec![path("compose.yaml"), path("compose.override.yaml")];
        for named in [&["compose.yaml"][..], &["compose.override.yaml"], &["compose.override.yaml", "compose.yaml"]] {
            let named: Vec<PathBuf> = named.iter().map(|name| path(name)).collect();
            assert_eq!(groups(&named), std::slice::from_ref(&both));
        }
        assert_eq!(groups(&[path("other.yaml"), path("compose.yaml")]), [vec![path("other.yaml")], both]);
        std::fs::remove_file(path("compose.yaml")).unwrap();
        assert_eq!(groups(&[path("compose.override.yaml")]), [vec![path("compose.override.yaml")]]);
    }
}
