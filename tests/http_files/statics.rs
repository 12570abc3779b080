//! Directories: their pages, redirects and options.

use std::process::Command;

use evloop::web::Application;

use crate::support::{Client, serve};
use crate::tree::{SECRET, Tree};

/// What `GET` of each path is answered: status and body.
fn got<const N: usize>(app: Application, paths: [&'static str; N]) -> [(u16, String); N] {
    let (got, reports) = serve(app, move |address| {
        let mut client = Client::connect(address);
        paths.map(|path| {
            let reply = client.get(path);
            (reply.status, reply.get("location").map_or(reply.body.clone(), str::to_owned))
        })
    });
    assert_eq!(reports, [""; 0]);
    got
}

fn statuses<const N: usize>(app: Application, paths: [&'static str; N]) -> [u16; N] {
    got(app, paths).map(|(status, _)| status)
}

#[test]
fn names_are_decoded_and_lead_below() {
    let tree = Tree::new();
    let paths = ["/static/sub/b.txt", "/static/a%20b%C3%A9.txt", "/static/%73ub%2fdeep/c"];
    let bodies = got(tree.app(|files| files), paths).map(|(status, body)| (status, body));
    let expected = ["below", "named", "deeper"].map(|body| (200, body.to_owned()));
    assert_eq!(bodies, expected);
}

#[test]
fn a_directory_gets_its_slash_and_keeps_its_query() {
    let tree = Tree::new();
    let paths = ["/static", "/static?a=1", "/static/sub", "/static/sub?x=%0d", "/static/s%75b"];
    let expected =
        ["/static/", "/static/?a=1", "/static/sub/", "/static/sub/?x=%0d", "/static/s%75b/"];
    let expected = expected.map(|location| (301, location.to_owned()));
    assert_eq!(got(tree.app(|files| files.show_index(true)), paths), expected);
}

#[test]
fn a_redirect_never_leads_to_another_host() {
    let tree = Tree::new();
    let mut app = Application::new();
    app.router().add_static("/", tree.root());
    app.router().add_static("/{any}/files", tree.root());
    let paths =
        ["//sub", "//evil.org/..", "/%2Fsub", "/\\sub", "//files/sub", "/\\evil.org/files/sub"];
    for (path, (status, location)) in paths.iter().zip(got(app, paths)) {
        let leads_away = location.starts_with("//") || location.starts_with("/\\");
        assert!(status != 301 || !leads_away, "{path}: {location}");
    }
}

#[test]
fn a_directory_is_forbidden_unless_it_has_a_page_or_a_list() {
    let tree = Tree::new();
    assert_eq!(statuses(tree.app(|files| files), ["/static/", "/static/sub/"]), [403, 403]);
    tree.file("root/sub/index.html", "the index");
    let app = tree.app(|files| files.index_file("index.html"));
    assert_eq!(got(app, ["/static/", "/static/sub/"])[1], (200, "the index".into()));
    let app = tree.app(|files| files.index_file("index.html").show_index(true));
    let [root, sub] = got(app, ["/static/", "/static/sub/"]);
    assert_eq!((sub.0, &sub.1[..]), (200, "the index"));
    assert!(root.1.contains("<a href=\"./sub/\">sub/</a>"), "{}", root.1);
    assert!(root.1.contains("<a href=\"./a%20b%C3%A9.txt\">a b\u{e9}.txt</a>"), "{}", root.1);
    assert!(!root.1.contains("hidden"), "{}", root.1);
}

#[test]
fn a_file_is_no_directory_and_the_other_way_round() {
    let tree = Tree::new();
    let paths = ["/static/a.txt/", "/static/a.txt/x", "/static/none", "/static/none/"];
    assert_eq!(statuses(tree.app(|files| files), paths), [404; 4]);
}

#[test]
fn a_directory_that_is_not_there_is_an_error_of_its_route() {
    let tree = Tree::new();
    for wrong in ["none", "secret"] {
        let mut app = Application::new();
        app.router().add_static("/", tree.path(wrong));
        let error = app.router().check().expect_err("no directory").to_string();
        assert!(error.contains("is not a directory that can be served"), "{error}");
    }
}

#[test]
fn a_nested_application_serves_its_directory_below_its_prefix() {
    let tree = Tree::new();
    let mut app = Application::new();
    app.nest("/api", tree.app(|files| files));
    let [file, directory] = got(app, ["/api/static/sub/b.txt", "/api/static/sub"]);
    assert_eq!(file, (200, "below".into()));
    assert_eq!(directory, (301, "/api/static/sub/".into()));
}

#[test]
fn hidden_names_are_served_only_if_asked_for() {
    let tree = Tree::new();
    std::fs::create_dir(tree.path("root/.well-known")).expect("a directory");
    tree.file("root/.well-known/x", "known");
    let paths = ["/static/.hidden", "/static/%2ehidden", "/static/.well-known/x"];
    assert_eq!(statuses(tree.app(|files| files), paths), [404, 404, 200]);
    assert_eq!(statuses(tree.app(|files| files.hidden(true)), paths), [200, 200, 200]);
}

#[test]
fn links_are_followed_within_the_directory_and_outside_only_if_asked_for() {
    let tree = Tree::new();
    tree.link("sub/b.txt", "root/inside");
    tree.link("../sub", "root/sub/up");
    tree.link("../secret", "root/outside");
    tree.link("..", "root/parent");
    let paths =
        ["/static/inside", "/static/sub/up/b.txt", "/static/outside", "/static/parent/secret"];
    assert_eq!(statuses(tree.app(|files| files), paths), [200, 200, 404, 404]);
    let followed = got(tree.app(|files| files.follow_symlinks(true)), paths);
    assert_eq!(followed[2], (200, SECRET.into()));
    assert_eq!(followed[3], (200, SECRET.into()));
}

#[test]
fn what_is_no_file_is_not_served_and_nobody_waits_for_it() {
    let tree = Tree::new();
    let made = Command::new("mkfifo").arg(tree.path("root/fifo")).status();
    assert!(made.expect("mkfifo is everywhere").success());
    let _socket =
        std::os::unix::net::UnixListener::bind(tree.path("root/socket")).expect("a socket");
    tree.link("/dev/zero", "root/zero");
    let paths = ["/static/fifo", "/static/socket", "/static/zero"];
    assert_eq!(statuses(tree.app(|files| files), paths), [404; 3]);
    assert_eq!(statuses(tree.app(|files| files.follow_symlinks(true)), paths), [404; 3]);
}

#[test]
fn what_may_not_be_read_is_forbidden() {
    use std::os::unix::fs::PermissionsExt;
    let tree = Tree::new();
    let path = tree.path("root/a.txt");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).expect("a mode");
    if std::fs::File::open(path).is_ok() {
        eprintln!("SKIPPED: root may read everything");
        return;
    }
    assert_eq!(statuses(tree.app(|files| files), ["/static/a.txt"]), [403]);
}

#[test]
fn a_directory_may_be_replaced_while_it_is_served() {
    let tree = Tree::new();
    let (root, other) = (tree.root(), tree.path("other"));
    let app = tree.app(|files| files);
    let (replies, _) = serve(app, move |address| {
        let mut client = Client::connect(address);
        let before = client.get("/static/a.txt").body;
        std::fs::rename(&root, &other).expect("a rename");
        let missing = client.get("/static/a.txt").status;
        std::fs::create_dir(&root).expect("a directory");
        std::fs::write(root.join("a.txt"), "new").expect("a file");
        (before, missing, client.get("/static/a.txt").body)
    });
    assert_eq!(replies, ("0123456789".into(), 404, "new".into()));
}

#[test]
fn the_path_that_is_made_for_a_file_changes_with_it_and_leads_to_it() {
    let tree = Tree::new();
    let mut app = tree.app(|files| files.append_version(true));
    app.router().name("static");
    let mut path = |name: &str| app.router().url_for("static", &[("filename", name)]).unwrap();
    let first = path("a.txt");
    assert_eq!(first, "/static/a.txt?v=ae1b981bc490a00-a");
    std::fs::write(tree.root().join("a.txt"), "changed").unwrap();
    assert_ne!(path("a.txt"), first);
    for none in ["none.txt", "sub", "sub/", ""] {
        assert_eq!(path(none), format!("/static/{none}"), "nothing is there to have a version");
    }
    let ((), reports) = serve(app, move |address| {
        let reply = Client::connect(address).get(&first);
        assert_eq!((reply.status, &reply.body[..]), (200, "changed"));
    });
    assert_eq!(reports, [""; 0]);
}
