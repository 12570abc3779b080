//! curl downloads: in parts, again where it stopped, and only if there is something new.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use evloop::web::Application;

use crate::support::serve;
use crate::tree::Tree;

/// Whether this machine has it; says so if not.
fn has_curl() -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: there is no curl here");
    }
    found
}

/// What curl prints.
fn curl(address: SocketAddr, path: &str, arguments: &[&str]) -> String {
    let url = format!("http://{address}/static/{path}");
    let output = Command::new("curl").args(["-sS"]).args(arguments).arg(url).output();
    let output = output.expect("curl runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn app(tree: &Tree) -> Application {
    tree.app(|files| files)
}

/// More than any buffer on the way takes at once.
fn large() -> Vec<u8> {
    (0..3_000_000_u32).flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn curl_resumes_a_download_where_it_stopped() {
    if !has_curl() {
        return;
    }
    let tree = Tree::new();
    let whole = large();
    tree.file("root/large", &whole);
    let target = tree.path("downloaded");
    fs::write(&target, &whole[..1_234_567]).expect("a file");
    let ((), reports) = serve(app(&tree), move |address| {
        let out = target.to_str().expect("UTF-8");
        let code =
            curl(address, "large", &["-C", "-", "-o", out, "-w", "%{http_code} %{size_download}"]);
        assert_eq!(code, format!("206 {}", whole.len() - 1_234_567));
        assert!(fs::read(&target).expect("a file") == whole);
        fs::remove_file(&target).expect("a file");
        let code = curl(address, "large", &["-o", out, "-w", "%{http_code}"]);
        assert!(code == "200" && fs::read(&target).expect("a file") == whole);
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn curl_gets_parts_and_fetches_again_only_what_is_new() {
    if !has_curl() {
        return;
    }
    let tree = Tree::new();
    tree.file("root/a.txt.gz", gzip_of("0123456789"));
    let (etags, copy) = (tree.path("etag"), tree.path("copy"));
    let ((), reports) = serve(app(&tree), move |address| {
        assert_eq!(curl(address, "a.txt", &["-r", "2-4"]), "234");
        assert_eq!(curl(address, "a.txt", &["-r", "-3"]), "789");
        let parts = curl(address, "a.txt", &["-r", "0-0,9-9"]);
        assert!(
            parts.contains("bytes 0-0/10\r\n\r\n0\r\n") && parts.ends_with("--\r\n"),
            "{parts}"
        );
        let (etags, copy) = (etags.to_str().expect("UTF-8"), copy.to_str().expect("UTF-8"));
        let fetch =
            ["--etag-save", etags, "--etag-compare", etags, "-o", copy, "-w", "%{http_code}"];
        assert_eq!(curl(address, "a.txt", &fetch), "200");
        assert_eq!(curl(address, "a.txt", &fetch), "304");
        let since = ["-z", copy, "-o", copy, "-w", "%{http_code}"];
        assert_eq!(curl(address, "a.txt", &since), "304");
        assert_eq!(curl(address, "a.txt", &["--compressed"]), "0123456789");
        assert!(curl(address, "a.txt", &["-I"]).contains("content-length: 10\r\n"));
        assert_eq!(
            curl(address, "../secret", &["--path-as-is", "-w", "%{http_code}", "-o", "/dev/null"]),
            "404"
        );
    });
    assert_eq!(reports, [""; 0]);
}

/// A gzip file of one stored block, made by hand.
fn gzip_of(text: &str) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    let len = text.len() as u16;
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out.extend(crc(text.as_bytes()).to_le_bytes());
    out.extend((text.len() as u32).to_le_bytes());
    out
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
