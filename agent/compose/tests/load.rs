//! Projects in memory.

use std::path::PathBuf;

use portreeve_compose::{MemoryFiles, MountKind, Options, Origin, Project, load};

fn files(files: &[(&str, &str)]) -> MemoryFiles {
    MemoryFiles(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect())
}

fn project_of(all: &[(&str, &str)], options: Options) -> Project {
    load(&Options { project_dir: Some(PathBuf::from("/p")), ..options }, &files(all))
}

fn project(all: &[(&str, &str)]) -> Project {
    project_of(all, Options::default())
}

fn healthy(all: &[(&str, &str)]) -> Project {
    let project = project(all);
    assert_eq!(project.problems, []);
    project
}

fn fatal(project: &Project) -> Vec<String> {
    let fatal = project.problems.iter().filter(|problem| problem.fatal);
    fatal
        .map(|problem| {
            let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{place}: {}", problem.message)
        })
        .collect()
}

fn environment(project: &Project, service: &str) -> Vec<String> {
    let environment = &project.services[service].environment;
    environment.iter().map(|(name, value)| format!("{name}={}", value.value.shown())).collect()
}

#[test]
fn a_file_and_its_override_are_found_and_merged() {
    let project = healthy(&[
        (
            "/p/compose.yaml",
            "services:\n  a:\n    image: x\n    command: one two\n    environment: {A: 1, B: 2}\n    ports: ['80:80']\n    volumes: ['./a:/x', 'v:/y']\nvolumes: {v: }\n",
        ),
        (
            "/p/compose.override.yaml",
            "services:\n  a:\n    command: [three]\n    environment: [B=3, C=4]\n    ports: ['80:80', '81:81']\n    volumes: ['./b:/x:ro']\n",
        ),
    ]);
    let a = &project.services["a"];
    assert_eq!(environment(&project, "a"), ["A=1", "B=3", "C=4"]);
    assert_eq!(a.command.as_ref().unwrap().len(), 1);
    assert_eq!(a.ports.len(), 2);
    let mounts: Vec<_> = a
        .mounts
        .iter()
        .map(|mount| (mount.kind, mount.source.as_ref().unwrap().text.as_str(), mount.read_only))
        .collect();
    assert_eq!(mounts, [(MountKind::Bind, "/p/b", true), (MountKind::Volume, "v", false)]);
    assert_eq!(a.environment["B"].value.place.to_string(), "/p/compose.override.yaml:4:19");
    assert_eq!(a.places["ports.1"].to_string(), "/p/compose.override.yaml:5:22");
    assert_eq!(project.name, "p");
    assert_eq!(project.volumes["v"].name, "p_v");
}

#[test]
fn reset_and_override_take_away_and_replace() {
    let project = healthy(&[
        ("/p/compose.yml", "services: {a: {image: x, ports: ['80:80'], environment: {A: 1, B: 2}, dns: [1.1.1.1]}}"),
        (
            "/p/compose.override.yml",
            "services: {a: {ports: !reset null, environment: {A: !reset null}, dns: !override [8.8.8.8]}}",
        ),
    ]);
    assert!(project.services["a"].ports.is_empty());
    assert_eq!(environment(&project, "a"), ["B=2"]);
}

#[test]
fn extends_follows_the_same_file_and_others_and_refuses_circles() {
    let project = healthy(&[
        (
            "/p/compose.yaml",
            "services:\n  base: {image: x, environment: {A: 1, B: 1}}\n  a: {extends: base, environment: {B: 2}}\n  b: {extends: {file: ./common/c.yaml, service: far}}\n",
        ),
        (
            "/p/common/c.yaml",
            "services:\n  near: {image: y, volumes: ['./d:/d']}\n  far: {extends: {service: near}, command: run}\n",
        ),
    ]);
    assert_eq!(environment(&project, "a"), ["A=1", "B=2"]);
    let b = &project.services["b"];
    assert_eq!(b.image.as_ref().unwrap().text, "y");
    assert_eq!(b.mounts[0].source.as_ref().unwrap().text, "/p/common/d");
    assert_eq!(b.image.as_ref().unwrap().place.file, "/p/common/c.yaml");

    let circle = "services:\n  a: {image: x, extends: b}\n  b: {image: x, extends: a}\n";
    let refused = fatal(&self::project(&[("/p/compose.yaml", circle)]));
    assert!(refused[0].starts_with("/p/compose.yaml:") && refused[0].contains("circular"), "{refused:?}");
}

#[test]
fn include_brings_a_project_with_its_own_folder_and_variables() {
    let project = healthy(&[
        (
            "/p/compose.yaml",
            "include:\n  - sub/compose.yaml\n  - {path: [o.yaml], project_directory: other, env_file: x.env}\nservices: {a: {image: 'x:$TAG'}}\n",
        ),
        ("/p/.env", "TAG=1\n"),
        ("/p/sub/compose.yaml", "services: {b: {image: 'y:$TAG-$OWN', volumes: ['./d:/d']}}"),
        ("/p/sub/.env", "TAG=2\nOWN=o\n"),
        ("/p/o.yaml", "services: {c: {image: 'z:$V', volumes: ['./d:/d']}}"),
        ("/p/x.env", "V=9\n"),
    ]);
    let image = |service: &str| project.services[service].image.as_ref().unwrap().text.clone();
    assert_eq!((image("a"), image("b"), image("c")), ("x:1".into(), "y:1-o".into(), "z:9".into()));
    let source = |service: &str| project.services[service].mounts[0].source.as_ref().unwrap().text.clone();
    assert_eq!((source("b"), source("c")), ("/p/sub/d".into(), "/p/other/d".into()));

    let circle = [
        ("/p/compose.yaml", "include: [b.yaml]\nservices: {a: {image: x}}"),
        ("/p/b.yaml", "include: [compose.yaml]\nservices: {b: {image: x}}"),
    ];
    assert!(fatal(&self::project(&circle))[0].contains("circular"));
}

#[test]
fn variables_come_from_files_and_unknown_ones_are_no_error() {
    let text = "services:\n  a:\n    image: x:${TAG:-9}\n    environment:\n      TOKEN: ${TOKEN:?give it}\n      OTHER: ${OTHER}\n      SOFT: ${SOFT:-}\n      ALONE:\n    ports: ['127.0.0.1:${PORT}:18789', '${P2:-5}:6']\n    volumes: ['${DIR}:/data', '${DIR}/sub:/sub:ro']\n";
    let project = project(&[("/p/compose.yaml", text)]);
    assert!(fatal(&project).is_empty());
    assert_eq!(environment(&project, "a"), ["ALONE=${ALONE}", "OTHER=${OTHER}", "SOFT=${SOFT}", "TOKEN=${TOKEN}"]);
    let a = &project.services["a"];
    assert_eq!(a.image.as_ref().unwrap().known(), Some("x:9"));
    assert_eq!((a.ports[0].1.target, a.ports[0].1.host_ip.as_deref()), (18789, Some("127.0.0.1")));
    assert_eq!(a.ports[1].1.host_port(), Some(5));
    assert_eq!(a.mounts[0].source.as_ref().unwrap().shown(), "${DIR}");
    assert_eq!(a.mounts[1].kind, MountKind::Bind);
    let token = project.unset.iter().find(|variable| variable.name == "TOKEN").unwrap();
    assert_eq!((token.required.as_deref(), token.place.line), (Some("give it"), 5));
    let warned: Vec<_> = project.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(warned.iter().any(|message| message.contains("`OTHER`")), "{warned:?}");
    assert!(!warned.iter().any(|message| message.contains("`SOFT`")), "{warned:?}");

    let given = project_of(
        &[("/p/compose.yaml", text), ("/p/.env", "TOKEN=t\nOTHER=o\nALONE=a\n"), ("/p/b.env", "TOKEN=b\nPORT=7\n")],
        Options { env_files: vec!["/p/b.env".into()], ..Options::default() },
    );
    assert_eq!(given.services["a"].environment["TOKEN"].value.known(), Some("b"));
    assert_eq!(given.services["a"].ports[0].1.host_port(), Some(7));
}

#[test]
fn env_files_come_below_the_definition_and_keep_their_lines() {
    let project = healthy(&[
        (
            "/p/compose.yaml",
            "services:\n  a:\n    image: x\n    env_file: [one.env, {path: gone.env, required: false}, two.env]\n    environment: [C=own]\n",
        ),
        ("/p/one.env", "# c\nA=1\nB=1\n"),
        ("/p/two.env", "B=2\nC=2\n"),
    ]);
    assert_eq!(environment(&project, "a"), ["A=1", "B=2", "C=own"]);
    let a = &project.services["a"].environment["A"];
    assert_eq!(a.value.place.to_string(), "/p/one.env:2:1");
    assert_eq!(a.origin, Origin::EnvFile("/p/one.env".into()));
    let missing = self::project(&[("/p/compose.yaml", "services: {a: {image: x, env_file: gone.env}}")]);
    assert!(!missing.is_refused() && missing.problems[0].message.contains("gone.env"));
}

#[test]
fn anchors_and_fragments_are_read_as_compose_does() {
    let project = healthy(&[(
        "/p/compose.yaml",
        "x-common: &common\n  image: x\n  restart: unless-stopped\n  environment: &env\n    A: 1\nservices:\n  a:\n    <<: *common\n    environment:\n      <<: *env\n      B: yes\n  b: *common\n",
    )]);
    assert_eq!(environment(&project, "a"), ["A=1", "B=yes"]);
    assert_eq!(project.services["b"].restart.as_ref().unwrap().text, "unless-stopped");
}

#[test]
fn profiles_switch_services_on() {
    let all = [(
        "/p/compose.yaml",
        "services: {a: {image: x}, b: {image: y, profiles: [cli]}, c: {image: z, profiles: [dev]}}",
    )];
    let active = |options| {
        let project = project_of(&all, options);
        project
            .services
            .values()
            .filter(|service| service.active)
            .map(|service| service.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(active(Options::default()), ["a"]);
    assert_eq!(active(Options { profiles: vec!["cli".into()], ..Options::default() }), ["a", "b"]);
    assert_eq!(active(Options { all_profiles: true, ..Options::default() }), ["a", "b", "c"]);
}

#[test]
fn what_compose_refuses_is_said_with_its_place() {
    for (text, place, part) in [
        ("services:\n  a: {image: x}\n  a: {image: y}\n", "3:3", "twice"),
        ("services:\n  a: {image: x, networks: [n]}\n", "2:28", "`n`"),
        ("services:\n  a: {image: x, volumes: ['v:/d']}\n", "2:27", "`v`"),
        ("services:\n  a: {image: x, depends_on: [b]}\n", "2:30", "`b`"),
        ("services:\n  a: {image: x, network_mode: 'service:b'}\n", "2:31", "`b`"),
        ("services:\n  a: {image: x, network_mode: host, networks: [default]}\n", "2:31", "both"),
        ("services:\n  a: {command: x}\n", "2:3", "neither"),
        ("services:\n  a: {image: x, ports: ['80:x']}\n", "2:25", "container port"),
        ("services:\n  a: {image: '${'}\n", "2:14", "interpolation"),
        ("services:\n  a: [x]\n", "2:6", "a list"),
        ("services:\n  a: {image: x, healthcheck: {test: x, interval: soon}}\n", "2:50", "duration"),
        ("services:\n  a: {image: x, secrets: [s]}\n", "2:27", "secret `s`"),
        ("- a\n", "1:1", "a list"),
        (
            "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
            "2:3",
            "wait for each other",
        ),
        ("services:\n\ta: x\n", "2:", ""),
        ("services: {}\n", "1:1", "no service"),
        ("", "1:1", "empty"),
    ] {
        let refused = fatal(&project(&[("/p/compose.yaml", text)]));
        let first = refused.first().cloned().unwrap_or_default();
        assert!(first.starts_with(&format!("/p/compose.yaml:{place}")) && first.contains(part), "{text}: {refused:?}");
    }
    assert!(fatal(&project(&[]))[0].contains("no Compose file in `/p`"));
}

#[test]
fn what_a_small_file_makes_more_of_is_bounded() {
    let refused = |compose: &str, env: &str| {
        let project = project(&[("/p/compose.yaml", compose), ("/p/.env", env)]);
        let told = fatal(&project).iter().filter(|problem| problem.contains("more than 100000 values")).count();
        assert_eq!(told, 1, "{compose:.200}");
    };
    let services = |each: &str| {
        let services: Vec<String> = (0..1_000).map(|n| format!("s{n}: {each}")).collect();
        format!("services: {{b: {{image: x, dns: [{}]}}, {}}}", "d,".repeat(1_000), services.join(", "))
    };
    let plain = "services: {a: {image: x}}";
    let large = format!("A={}\n", "x".repeat(250_000));
    refused(&format!("services: {{a: {{image: x, command: [{}]}}}}", "$A,".repeat(90_000)), &large);
    refused(plain, &format!("{large}{}", "B=$A\n".repeat(90_000)));
    refused(&services("{image: x, environment: [A]}"), &large);
    refused(&format!("services: {{a: {{image: x, ports: [{}]}}}}", "1-65535,".repeat(100)), "");
    refused(&services("{extends: b}"), "");

    let ports = "services: {a: {image: x, ports: ['49152-65535:49152-65535/udp']}}";
    assert_eq!(healthy(&[("/p/compose.yaml", ports)]).services["a"].ports.len(), 16_384);
}

#[test]
fn names_and_folders_that_become_part_of_many_others_are_bounded() {
    let long = "n".repeat(5_000);
    let name = format!("name: {long}\nservices: {{a: {{image: x}}}}\n");
    let project = project(&[("/p/compose.yaml", &name)]);
    assert!(fatal(&project)[0].contains("longer than 255") && project.name == "p");
    let include = format!("include: [{{path: b.yaml, project_directory: {long}}}]\nservices: {{a: {{image: x}}}}\n");
    let project = self::project(&[("/p/compose.yaml", &include), ("/p/b.yaml", "services: {b: {image: x}}")]);
    assert!(fatal(&project)[0].contains("longer than 4096"));
}

#[test]
fn a_word_of_a_command_hangs_on_its_own_variables() {
    let text = "services: {a: {image: x, command: 'run --a ${A} --b=${B:-} plain'}}";
    let project = project(&[("/p/compose.yaml", text)]);
    let command = project.services["a"].command.clone().unwrap();
    let variables: Vec<_> = command.iter().map(|word| word.unknown.clone().map(|unknown| unknown.variables)).collect();
    let own = |name: &str| Some(vec![name.to_owned()]);
    assert_eq!(variables, [None, None, own("A"), own("B"), None]);
}

#[test]
fn no_value_is_printed_by_debug() {
    let text = "services: {a: {image: x, environment: {TOKEN: canary-1, B: '${U}canary-2'}, command: [--token, canary-3], env_file: e}}";
    let project = project(&[("/p/compose.yaml", text), ("/p/e", "X=canary-4\n")]);
    assert!(!format!("{project:?}").contains("canary"));
}

#[test]
fn the_workflow_and_the_hook_of_the_documentation_are_yaml() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in ["docs/ci/lint.yml", "docs/ci/gate.yml", ".pre-commit-hooks.yaml"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(portreeve_compose::yaml::check(&text).unwrap() > 5, "{file}");
        assert!(text.contains("portreeve lint") || text.contains("portreeve gate"), "{file}");
    }
}

#[test]
fn the_manual_shows_the_workflows_as_they_are() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    for (file, start) in [("docs/ci/lint.yml", "name: Compose"), ("docs/ci/gate.yml", "name: Gateway")] {
        let workflow = read(file);
        let (_, body) = workflow.split_once(start).unwrap();
        assert!(read("docs/ci.md").contains(body), "docs/ci.md and {file} differ");
    }
}
