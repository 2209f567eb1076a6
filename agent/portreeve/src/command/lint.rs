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
    let facts = snapshot(&projects, &reading, env!("CARGO_PKG_VERSION"));
    let report = lint::lint(&facts, &settings.policy);
    let text = match args.format {
        LintFormat::Text => {
            let unset: Vec<_> = projects.iter().flat_map(|project| &project.unset).collect();
            render::lint_text(&report, &unset, global.verbose > 0, output::width())
        }
        LintFormat::Json => json(&report)?,
        LintFormat::Github => render::lint_github(&report),
        LintFormat::Sarif => json(&render::lint_sarif(&report))?,
    };
    output::print(&text)?;
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

/// Each argument by itself, but an override file with the main file of its folder.
fn groups(paths: &[PathBuf]) -> Vec<Vec<PathBuf>> {
    let is_override =
        |path: &Path| path.file_name().is_some_and(|name| discover::OVERRIDE.iter().any(|known| name == *known));
    let mut groups: Vec<Vec<PathBuf>> =
        paths.iter().filter(|path| !is_override(path)).map(|path| vec![path.clone()]).collect();
    for path in paths.iter().filter(|path| is_override(path)) {
        let beside = |group: &&mut Vec<PathBuf>| {
            group.first().is_some_and(|main| main.is_file() && main.parent() == path.parent())
        };
        match groups.iter_mut().find(beside) {
            Some(group) => group.push(path.clone()),
            None => groups.push(vec![path.clone()]),
        }
    }
    groups
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
    fn an_override_goes_with_its_main_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("compose.yaml"), "").unwrap();
        std::fs::write(path("other.yaml"), "").unwrap();
        let grouped = groups(&[path("compose.override.yaml"), path("compose.yaml"), path("other.yaml")]);
        assert_eq!(grouped, [vec![path("compose.yaml"), path("compose.override.yaml")], vec![path("other.yaml")]]);
    }
}
