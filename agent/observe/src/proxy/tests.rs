//! Configurations as people write them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn nginx(text: &str) -> Vec<RouteFound> {
    let parsed = parse_text(Program::Nginx, "/etc/nginx/conf.d/default.conf", text);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    parsed.routes
}

fn caddy(text: &str) -> Vec<RouteFound> {
    let parsed = parse_text(Program::Caddy, "/etc/caddy/Caddyfile", text);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    parsed.routes
}

/// Upstream and front of the routes, in a line each.
fn ways(routes: &[RouteFound]) -> Vec<String> {
    let ways = routes.iter().map(|route| {
        let front = route.front();
        let upstream = route.upstream.as_ref();
        let upstream = upstream.map_or("?".to_owned(), |url| format!("{}://{}:{}", url.scheme, url.host, url.port));
        format!("{}://{}:{}{} -> {upstream}", front.scheme, front.host, front.port, front.path)
    });
    ways.collect()
}

#[test]
fn programs_are_known_by_image_and_executable() {
    for name in
        ["nginx:1.27-alpine", "docker.io/library/nginx", "/usr/sbin/nginx", "nginxinc/nginx-unprivileged@sha256:0"]
    {
        assert_eq!(Program::of(name), Some(Program::Nginx), "{name}");
    }
    assert_eq!(Program::of("caddy:2-alpine"), Some(Program::Caddy));
    assert_eq!(Program::of("lucaslorentz/caddy-docker-proxy:2.9"), Some(Program::Caddy));
    for name in ["postgres:16", "notnginx", "", "nginx/other"] {
        assert_eq!(Program::of(name), None, "{name}");
    }
}

const GOOD: &str = r"
map $http_upgrade $connection_upgrade { default upgrade; '' close; }
upstream gateway { server openclaw-gateway:18789; keepalive 8; }
server { listen 80; listen [::]:80; server_name claw.example; return 301 https://$host$request_uri; }
server {
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name claw.example;
    ssl_certificate /etc/ssl/claw.pem;
    ssl_certificate_key /etc/ssl/claw.key;
    proxy_http_version 1.1;
    location / {
        proxy_pass http://gateway;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_read_timeout 1h;
        proxy_buffering off;
    }
}
";

#[test]
fn a_good_site_of_nginx() {
    let routes = nginx(GOOD);
    assert_eq!(ways(&routes), ["wss://claw.example:443/ -> ws://openclaw-gateway:18789"]);
    let config = &routes[0].config;
    assert!(config.upgrade && !config.buffering);
    assert_eq!(config.read_timeout_s, Some(3_600.0));
    assert_eq!(config.forwards, ["X-Forwarded-For"]);
    assert_eq!(config.certificate.as_deref(), Some("/etc/ssl/claw.pem"));
    let place = |key: &str| config.places[key].to_string();
    assert_eq!(place(""), "/etc/nginx/conf.d/default.conf:12:5");
    assert_eq!(place("upstream"), "/etc/nginx/conf.d/default.conf:13:9");
    assert_eq!(place("read_timeout"), "/etc/nginx/conf.d/default.conf:18:28");
}

#[test]
fn headers_of_a_level_replace_all_that_it_would_inherit() {
    let site = |inner: &str| {
        format!(
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;\n\
             server {{ location / {{ proxy_pass http://g:1; {inner} }} }}"
        )
    };
    assert!(nginx(&site(""))[0].config.upgrade);
    assert!(nginx(&site("proxy_read_timeout 5s;"))[0].config.upgrade);
    assert!(!nginx(&site("proxy_set_header Host $host;"))[0].config.upgrade);
}

#[test]
fn a_path_without_the_upgrade_is_made_up_for_by_one_around_it_and_not_by_one_beside_it() {
    const PASSES: &str =
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    for (passing, plain, http_only) in [
        ("/", "/static/", true),
        ("/claw/ws", "/claw/", true),
        ("/ws", "/app/", true),
        ("/socket/", "/", true),
        ("/claw/", "/ops/", false),
        ("/a", "/b", false),
    ] {
        let routes = nginx(&format!(
            "server {{ location {passing} {{ proxy_pass http://g:1; {PASSES} }} location {plain} {{ proxy_pass http://g:1; }} }}"
        ));
        let found = routes.iter().find(|route| route.path.as_deref() == Some(plain)).unwrap();
        assert_eq!(found.http_only, http_only, "{passing} {plain}");
    }
}

#[test]
fn an_origin_of_the_proxys_own() {
    let of = |text: &str| {
        let site = format!("server {{ server_name a.example; location / {{ proxy_pass http://g:1; {text} }} }}");
        nginx(&site)[0].config.origin.clone()
    };
    assert_eq!(of(""), None);
    assert_eq!(of("proxy_set_header Origin 'https://b.example';").as_deref(), Some("https://b.example"));
    assert_eq!(of("proxy_set_header origin $scheme://$host;").as_deref(), Some("http://a.example"));
    assert_eq!(of("set $o http://c; proxy_set_header Origin $o;").as_deref(), Some("http://c"));
    assert_eq!(of("proxy_set_header Origin ${scheme}://${host};").as_deref(), Some("http://a.example"));
    for passed_on in ["$http_origin", "\"\"", "$else", "$scheme://$hostname", "$", "http://user:word@b"] {
        assert_eq!(of(&format!("proxy_set_header Origin {passed_on};")), None, "{passed_on}");
    }
    let many = nginx(
        "server { server_name a b; location / { proxy_pass http://g:1; proxy_set_header Origin $scheme://$host; } }",
    );
    assert_eq!(many[0].config.origin, None);

    let of = |text: &str| {
        let route = caddy(&format!("a.example {{\n reverse_proxy gw:1 {{\n {text}\n }}\n}}")).remove(0);
        let line = route.config.places.get("origin").map(|place| place.line);
        (route.config.origin, line)
    };
    assert_eq!(of("header_up Origin https://b.example"), (Some("https://b.example".to_owned()), Some(3)));
    assert_eq!(of("header_up origin {scheme}://{host}").0.as_deref(), Some("https://a.example"));
    assert_eq!(of("header_up -Origin").0, None);
    assert_eq!(of("header_up Origin http:// https://").0, None);
    assert_eq!(of("header_up Origin {http.request.header.Origin}").0, None);
}

#[test]
fn an_upgrade_needs_all_of_its_parts() {
    let with =
        |lines: &str| nginx(&format!("server {{ location / {{ proxy_pass http://g:1; {lines} }} }}"))[0].config.upgrade;
    let upgrade = "proxy_set_header Upgrade $http_upgrade;";
    let connection = "proxy_set_header Connection \"Upgrade\";";
    assert!(with(&format!("proxy_http_version 1.1; {upgrade} {connection}")));
    assert!(with(&format!("proxy_http_version 1.1; {upgrade} proxy_set_header Connection $http_connection;")));
    assert!(!with(&format!("proxy_http_version 1.1; {upgrade}")));
    assert!(!with(&format!("proxy_http_version 1.1; {connection}")));
    assert!(!with(&format!("proxy_http_version 1.0; {upgrade} {connection}")));
    assert!(!with(&format!("proxy_http_version 1.1; {upgrade} proxy_set_header Connection '';")));
    assert!(!with(""));
}

#[test]
fn the_version_decides_what_nginx_does_by_itself() {
    let text = "server { location / { proxy_pass http://g:1; proxy_set_header Upgrade $http_upgrade; \
                proxy_set_header Connection upgrade; } }";
    let files = BTreeMap::from([("/n".to_owned(), text.to_owned())]);
    let upgrade = |version| parse(Program::Nginx, "/n", version, &files).routes[0].config.upgrade;
    assert!(!upgrade(Some("1.22.1")) && !upgrade(Some("1.29.6-alpine")) && !upgrade(Some("1.27")));
    assert!(upgrade(Some("1.29.7")) && upgrade(Some("1.30")) && upgrade(Some("1")) && upgrade(None));
}

#[test]
fn a_map_without_upgrade_drops_it() {
    let text = "map $http_upgrade $c { default close; }\nserver { location / { proxy_pass http://g:1; \
                proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c; } }";
    assert!(!nginx(text)[0].config.upgrade);
}

#[test]
fn a_place_for_sockets_makes_up_for_the_others_of_its_site() {
    let text = "server { listen 8080; location / { proxy_pass http://g:1; }\n location /ws { proxy_pass http://g:1; \
                proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }\n\
                location = /healthz { proxy_pass http://g:1; }\n location /other/ { proxy_pass http://h:2; } }";
    let http_only: Vec<bool> = nginx(text).iter().map(|route| route.http_only).collect();
    assert_eq!(http_only, [true, false, true, false]);
}

#[test]
fn upstreams_behind_variables() {
    let routes = nginx(
        "server { resolver 127.0.0.11; location / { set $to gw; proxy_pass http://$to:18789$request_uri; }\n\
         location /x { proxy_pass $nobody; } location ~ ^/y { proxy_pass https://gw; } }",
    );
    assert_eq!(
        ways(&routes),
        ["ws://localhost:80/ -> ws://gw:18789", "ws://localhost:80/x -> ?", "ws://localhost:80/ -> wss://gw:443"]
    );
}

#[test]
fn a_stream_passes_bytes() {
    let routes = nginx("stream { server { listen 127.0.0.1:8443; proxy_pass gw:18789; proxy_timeout 10s; } }");
    assert_eq!(ways(&routes), ["ws://127.0.0.1:8443/ -> ws://gw:18789"]);
    assert!(routes[0].raw && routes[0].config.upgrade);
    assert_eq!(routes[0].config.read_timeout_s, Some(10.0));
}

#[test]
fn includes_and_the_main_file_of_the_image() {
    let site = "server { listen 8080; include /etc/nginx/proxy.inc; location / { proxy_pass http://gw:18789; } }";
    let inc = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let mut files: BTreeMap<String, String> = [("/etc/nginx/conf.d/a.conf", site), ("/etc/nginx/proxy.inc", inc)]
        .map(|(p, t)| (p.to_owned(), t.to_owned()))
        .into();
    let read = |files: &BTreeMap<String, String>| parse(Program::Nginx, "/etc/nginx/nginx.conf", None, files);
    let parsed = read(&files);
    assert_eq!(ways(&parsed.routes), ["ws://localhost:8080/ -> ws://gw:18789"]);
    assert!(parsed.routes[0].config.upgrade && parsed.problems.is_empty());

    files.insert("/etc/nginx/nginx.conf".to_owned(), "http { include mime.types; include conf.d/*.conf; }".to_owned());
    let parsed = read(&files);
    assert_eq!(parsed.routes.len(), 1);
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
}

#[test]
fn a_good_site_of_caddy() {
    let routes = caddy("claw.example {\n\treverse_proxy openclaw-gateway:18789\n}\n");
    assert_eq!(ways(&routes), ["wss://claw.example:443/ -> ws://openclaw-gateway:18789"]);
    let config = &routes[0].config;
    assert!(config.upgrade && !config.buffering && config.read_timeout_s.is_none());
    assert_eq!(config.forwards, ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"]);
    assert_eq!(config.places["upstream"].to_string(), "/etc/caddy/Caddyfile:2:16");
}

#[test]
fn sites_of_caddy_in_their_forms() {
    for (text, way) in [
        (":8080\nreverse_proxy :18789\n", "ws://localhost:8080/ -> ws://localhost:18789"),
        ("http://a.example {\n reverse_proxy gw\n}", "ws://a.example:80/ -> ws://gw:80"),
        ("a.example:8443 {\n reverse_proxy https://gw\n}", "wss://a.example:8443/ -> wss://gw:443"),
        ("{\n auto_https off\n}\na.example {\n reverse_proxy gw:1\n}", "ws://a.example:80/ -> ws://gw:1"),
        (
            "{$D:x.example} {\n handle /claw/* {\n reverse_proxy {\n to gw:1 h:2\n }\n }\n}",
            "wss://x.example:443/claw/ -> ws://gw:1",
        ),
        ("a {\n @ws path /ws*\n reverse_proxy @ws gw:1\n}", "wss://a:443/ws -> ws://gw:1"),
        ("(p) {\n reverse_proxy gw:1\n}\na {\n route {\n import p\n }\n}", "wss://a:443/ -> ws://gw:1"),
        (
            "a {\n reverse_proxy gw:1 {\n transport http {\n tls_insecure_skip_verify\n }\n }\n}",
            "wss://a:443/ -> wss://gw:1",
        ),
        ("a {\n reverse_proxy {$GATEWAY}\n}", "wss://a:443/ -> ?"),
    ] {
        assert_eq!(ways(&caddy(text)), [way], "{text}");
    }
}

#[test]
fn what_caddy_is_told_besides() {
    let routes = caddy(
        "a {\n tls /c.pem /k.pem\n reverse_proxy gw:1 {\n header_up -X-Forwarded-*\n header_up X-Real-IP {remote_host}\n\
         buffer_responses\n stream_timeout 1h\n transport http {\n read_timeout 5s\n }\n }\n}",
    );
    let config = &routes[0].config;
    assert_eq!(config.forwards, ["X-Real-IP"]);
    assert_eq!(config.read_timeout_s, Some(5.0));
    assert_eq!(config.places["read_timeout"].line, 9);
    assert!(config.buffering);
    assert_eq!(config.certificate.as_deref(), Some("/c.pem"));
}

#[test]
fn the_json_of_caddy() {
    let text = r#"{"apps":{"http":{"servers":{"srv0":{"listen":[":443"],"routes":[{"match":[{"host":["a.example"]}],
        "handle":[{"handler":"subroute","routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"gw:18789"}],
        "transport":{"protocol":"http","read_timeout":5000000000},"headers":{"request":{"delete":["X-Forwarded-For"],"set":{"Origin":["https://b.example"]}}}}]}]}]}]}}}}}"#;
    let routes = caddy(text);
    assert_eq!(ways(&routes), ["wss://a.example:443/ -> ws://gw:18789"]);
    assert_eq!(routes[0].config.read_timeout_s, Some(5.0));
    assert_eq!(routes[0].config.forwards, ["X-Forwarded-Proto", "X-Forwarded-Host"]);
    assert_eq!(routes[0].config.origin.as_deref(), Some("https://b.example"));
}

#[test]
fn what_cannot_be_read_is_told() {
    for program in [Program::Nginx, Program::Caddy] {
        let parsed = parse(program, "/none", None, &BTreeMap::new());
        assert!(parsed.routes.is_empty());
        assert_eq!(parsed.problems[0].message, "`/none` cannot be read: no such file");
    }
}

#[test]
fn what_a_small_file_makes_more_of_is_bounded_and_told() {
    let cut = |program, text: &str, message: &str| {
        let parsed = parse_text(program, "/f", text);
        assert!(parsed.routes.len() <= 1_000, "{}", parsed.routes.len());
        assert_eq!(parsed.cut.unwrap().message, message);
    };
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<Vec<_>>().concat();
    let routes = "too many places that pass requests on";
    let listens = many(20_000, &|n| format!("listen {};", n + 1));
    let locations = many(14_000, &|n| format!("location /{n} {{proxy_pass http://g:1;}}"));
    cut(Program::Nginx, &format!("server {{{listens}{locations}}}"), routes);
    let stream = format!("stream {{ server {{ {listens} proxy_pass g:1; }} }}");
    cut(Program::Nginx, &stream, routes);
    let set = many(16_000, &|n| format!("set $a{n} $b$b;"));
    cut(Program::Nginx, &format!("server {{ {set} {locations} }}"), "too many variables");
    let headers = many(16_000, &|n| format!("proxy_set_header X-{n} y;"));
    cut(Program::Nginx, &format!("server {{ {headers} {locations} }}"), "too many headers");
    let proxies = many(10_000, &|n| format!("reverse_proxy /{n} g:1\n"));
    cut(Program::Caddy, &format!("a, b, c {{\n{proxies}}}\n"), routes);
    let handler = r#"{"handler":"reverse_proxy","upstreams":[{"dial":"g:1"}]},"#.repeat(5_000);
    let json = format!(
        r#"{{"apps":{{"http":{{"servers":{{"s":{{"listen":[":443"],"routes":[{{"handle":[{}]}}]}}}}}}}}}}"#,
        handler.trim_end_matches(',')
    );
    cut(Program::Caddy, &json, routes);
}

#[test]
fn a_variable_is_not_filled_in_without_bound() {
    let text = format!(
        "server {{ set $a {}; set $to g; location / {{ proxy_pass http://$to:1/{}; }} }}",
        "x".repeat(3_000),
        "$a".repeat(1_000)
    );
    assert_eq!(ways(&nginx(&text)), ["ws://localhost:80/ -> ws://g:1"]);
}

proptest! {
    #[test]
    fn nothing_panics(
        words in proptest::collection::vec(
            prop_oneof![
                Just("server"), Just("location"), Just("/"), Just("{"), Just("}"), Just(";"), Just("\n"), Just("proxy_pass"),
                Just("http://a:1"), Just("listen"), Just("443 ssl"), Just("[::]:80"), Just("upstream"), Just("$x"), Just("set"),
                Just("reverse_proxy"), Just("handle"), Just("@m"), Just("{$A:b}"), Just("import"), Just("(s)"), Just("transport http"),
                Just(":80"), Just("https://b"), Just("to"), Just("tls"), Just("map"), Just("stream"), Just("a,"), Just("header_up -X*"),
            ],
            0..60,
        ),
    ) {
        let text = words.join(" ");
        for program in [Program::Nginx, Program::Caddy] {
            for route in parse_text(program, "/f", &text).routes {
                let front = route.front();
                prop_assert!(!front.host.is_empty());
            }
        }
    }
}
