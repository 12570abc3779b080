//! The page that lists a directory.

use std::fmt::Write as _;

use super::path::is_shown;
use crate::http::url;
use crate::sys::Entry;

/// So many names are listed; of the others the page says only that there are more.
pub(super) const MOST_ENTRIES: usize = 10_000;

/// The page for the directory that a client knows as `path`. Every name is escaped; those that are
/// not UTF-8, which no URL here reaches, are left out, and hidden ones unless `hidden`.
pub(super) fn page(path: &str, mut entries: Vec<Entry>, hidden: bool) -> String {
    let more = entries.len() > MOST_ENTRIES;
    entries.truncate(MOST_ENTRIES);
    entries.sort();
    let title = format!("Index of {}", escaped(path));
    let mut page = format!(
        "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body>\n<h1>{title}</h1>\n<ul>\n"
    );
    for entry in &entries {
        let Ok(name) = std::str::from_utf8(&entry.name) else { continue };
        if hidden || is_shown(name) {
            let slash = if entry.is_directory { "/" } else { "" };
            let (link, name) = (url::encode(name), escaped(name));
            // Writing to a string does not fail. "./" keeps a name from being taken for a scheme.
            let _ = writeln!(page, "<li><a href=\"./{link}{slash}\">{name}{slash}</a></li>");
        }
    }
    page.push_str(if more { "</ul>\n<p>and more</p>\n" } else { "</ul>\n" });
    page.push_str("</body>\n</html>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], is_directory: bool) -> Entry {
        Entry { name: name.to_vec(), is_directory }
    }

    #[test]
    fn names_are_sorted_and_hidden_or_unreachable_ones_left_out() {
        let entries = || {
            vec![
                entry(b"b", true),
                entry(b"a b", false),
                entry(b".x", false),
                entry(b"\xff", false),
            ]
        };
        let shown = page("/d/", entries(), false);
        assert!(shown.contains("<h1>Index of /d/</h1>"));
        let list =
            "<ul>\n<li><a href=\"./a%20b\">a b</a></li>\n<li><a href=\"./b/\">b/</a></li>\n</ul>";
        assert!(shown.contains(list), "{shown}");
        assert!(page("/", entries(), true).contains("\"./.x\""));
    }

    #[test]
    fn no_name_gets_out_of_its_place() {
        let evil = b"\"><script>alert('&')</script>";
        let page =
            page("/<script>", vec![entry(evil, false), entry(b"javascript:x", false)], false);
        assert!(!page.contains("<script>") && !page.contains("alert('"), "{page}");
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"));
        assert!(page.contains("href=\"./javascript%3Ax\""));
    }

    #[test]
    fn a_list_has_an_end() {
        let entries =
            (0..=MOST_ENTRIES).map(|it| entry(it.to_string().as_bytes(), false)).collect();
        let page = page("/", entries, false);
        assert_eq!(page.matches("<li>").count(), MOST_ENTRIES);
        assert!(page.contains("and more"));
    }
}
