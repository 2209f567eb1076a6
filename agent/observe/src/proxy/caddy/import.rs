//! Snippets and imports of the Caddyfile.

use std::collections::BTreeMap;

use portreeve_core::snapshot::Place;

use super::super::Problem;
use super::super::files::{Loader, folder, from_folder};
use super::tree::{Line, WORD_BYTES, Word, parse};

/// Deepest nesting of imports.
const MAX_IMPORTS: usize = 16;
/// What imports may make: lines, the words of snippets with their length, and what arguments add to them.
const MAX_IMPORTED: usize = 200_000;

/// Follows imports of snippets and files, and takes the snippets out.
pub(super) fn expand(lines: Vec<Line>, path: &str, loader: &Loader<'_>) -> Vec<Line> {
    let mut importer = Importer { snippets: BTreeMap::new(), loader, budget: MAX_IMPORTED };
    importer.expand(lines, folder(path), 0)
}

struct Importer<'a, 'b> {
    snippets: BTreeMap<String, Vec<Line>>,
    loader: &'a Loader<'b>,
    budget: usize,
}

impl Importer<'_, '_> {
    fn expand(&mut self, lines: Vec<Line>, root: &str, depth: usize) -> Vec<Line> {
        let mut expanded = Vec::new();
        for mut line in lines {
            if !self.spend(1, &line.place) {
                break;
            }
            let snippet = line.name().strip_prefix('(').and_then(|name| name.strip_suffix(')')).map(str::to_owned);
            if let Some(name) = snippet.filter(|_| line.words.len() == 1) {
                self.snippets.insert(name, line.block.unwrap_or_default());
                continue;
            }
            if line.name() == "import" {
                expanded.extend(self.import(&line, root, depth));
                continue;
            }
            if let Some(block) = line.block.take() {
                line.block = Some(self.expand(block, root, depth));
            }
            expanded.push(line);
        }
        expanded
    }

    fn import(&mut self, line: &Line, root: &str, depth: usize) -> Vec<Line> {
        let problem = |message: String| self.loader.problem(Problem { place: Some(line.place.clone()), message });
        let Some(what) = line.word(1) else {
            problem("`import` without a name".to_owned());
            return Vec::new();
        };
        if depth >= MAX_IMPORTS {
            problem("imports are nested too deep".to_owned());
            return Vec::new();
        }
        let weight = self.snippets.get(what).map(|snippet| snippet.iter().map(Line::weight).sum::<usize>());
        if let Some(weight) = weight {
            // Weighed before it is copied: one line imports a whole snippet.
            if !self.spend(weight, &line.place) {
                return Vec::new();
            }
            let mut lines = self.snippets.get(what).cloned().unwrap_or_default();
            self.fill(&mut lines, line.words.get(2..).unwrap_or_default());
            return self.expand(lines, root, depth + 1);
        }
        let mut all = Vec::new();
        for path in self.loader.expand(&from_folder(root, what)) {
            match self.loader.read(&path) {
                Ok(file) => {
                    let lines = parse(&file.name, &file.text, self.loader);
                    all.extend(self.expand(lines, folder(&path), depth + 1));
                }
                Err(why) => self.loader.problem(Problem {
                    place: Some(line.place.clone()),
                    message: format!("`{path}` cannot be read: {why}"),
                }),
            }
        }
        all
    }

    /// Puts the arguments of an import into the lines of a snippet.
    fn fill(&mut self, lines: &mut [Line], arguments: &[Word]) {
        for line in lines {
            for word in line.words.iter_mut().filter(|word| word.text.contains("{args")) {
                for (n, argument) in arguments.iter().enumerate().take(16) {
                    for form in [format!("{{args[{n}]}}"), format!("{{args.{n}}}")] {
                        let added = word.text.matches(&form).count().saturating_mul(argument.text.len());
                        if self.spend(added / WORD_BYTES, &word.place) {
                            word.text = word.text.replace(&form, &argument.text);
                        }
                    }
                }
            }
            self.fill(line.block.as_deref_mut().unwrap_or_default(), arguments);
        }
    }

    /// Takes from what imports may make; false where there is too much, and from then on.
    fn spend(&mut self, weight: usize, place: &Place) -> bool {
        let left = self.budget.checked_sub(weight).filter(|_| self.budget > 0);
        if left.is_none() {
            self.loader.cut_off(Some(place.clone()), "too much is imported");
        }
        self.budget = left.unwrap_or_default();
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_imports_make_of_a_small_file_is_bounded() {
        let made = |text: &str| {
            let files: BTreeMap<String, String> = BTreeMap::new();
            let loader = Loader::new(&files);
            let lines = expand(parse("Caddyfile", text, &loader), "/etc/caddy/Caddyfile", &loader);
            assert_eq!(loader.problems.borrow()[0].message, "too much is imported");
            lines.iter().map(Line::weight).sum::<usize>()
        };
        let places = "x {args[0]}{args[0]}\n".repeat(10_000);
        assert!(made(&format!("(s) {{\n{places}}}\nimport s {}\n", "a".repeat(300_000))) <= MAX_IMPORTED);
        let words = format!("(s) {{\nx {}\n}}\n", "w ".repeat(50_000));
        assert!(made(&format!("{words}{}", "import s\n".repeat(20_000))) <= MAX_IMPORTED);
    }
}
