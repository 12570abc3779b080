//! Which type of content a file's name promises.
//!
//! A table of our own, of what is on the web: the crate `mime_guess` knows some 1300 extensions,
//! of which a browser shows these, and brings two more crates along. Whatever is not here is
//! `application/octet-stream`, and an application that serves it says what it is
//! ([`FileResponse::content_type`](super::FileResponse::content_type)).
//!
//! Text is said to be UTF-8, as Go's `mime` has it; aiohttp says nothing, and browsers then take
//! it for Windows-1252.

/// The type of content by a file's extension, whatever its letter case.
///
/// ```
/// use evloop::http::mime::of_extension;
/// assert_eq!(of_extension("HTML"), "text/html; charset=utf-8");
/// assert_eq!(of_extension("xyz"), "application/octet-stream");
/// ```
pub fn of_extension(extension: &str) -> &'static str {
    let extension = extension.to_ascii_lowercase();
    match TYPES.binary_search_by_key(&&extension[..], |(known, _)| known) {
        Ok(at) => TYPES[at].1,
        Err(_) => "application/octet-stream",
    }
}

/// The type of content by the last extension of a file's name.
pub fn of_name(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => of_extension(extension),
        _ => of_extension(""),
    }
}

/// Whether what is of this type shrinks when it is compressed: text, and what is written as text.
/// Parameters of a `Content-Type` are passed over. Images, sounds, films and archives are compressed
/// as they are.
///
/// ```
/// use evloop::http::mime::is_compressible;
/// assert!(is_compressible("text/html; charset=utf-8") && is_compressible("image/svg+xml"));
/// assert!(!is_compressible("image/png") && !is_compressible("application/octet-stream"));
/// ```
pub fn is_compressible(content_type: &str) -> bool {
    let name = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let written = ["+json", "+xml", "+text", "+yaml"];
    name.starts_with("text/")
        || written.iter().any(|suffix| name.ends_with(suffix))
        || COMPRESSIBLE.contains(&&name[..])
}

/// Types that shrink, beside those whose names say so.
const COMPRESSIBLE: [&str; 17] = [
    "application/ecmascript",
    "application/javascript",
    "application/json",
    "application/rtf",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-tar",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/yaml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// Sorted by extension.
const TYPES: [(&str, &str); 76] = [
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("apng", "image/apng"),
    ("atom", "application/atom+xml"),
    ("avi", "video/x-msvideo"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("br", "application/x-brotli"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/plain; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("eot", "application/vnd.ms-fontobject"),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("h", "text/plain; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("jar", "application/java-archive"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("log", "text/plain; charset=utf-8"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("py", "text/plain; charset=utf-8"),
    ("rs", "text/plain; charset=utf-8"),
    ("rss", "application/rss+xml"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("toml", "text/plain; charset=utf-8"),
    ("ts", "video/mp2t"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("xz", "application/x-xz"),
    ("zip", "application/zip"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_of_the_table_is_found_and_its_type_is_a_header_value() {
        for (extension, content_type) in TYPES {
            assert_eq!(of_extension(&extension.to_uppercase()), content_type);
            assert!(http::HeaderValue::from_str(content_type).is_ok());
            assert_eq!(
                content_type.starts_with("text/"),
                content_type.ends_with("; charset=utf-8")
            );
        }
    }

    #[test]
    fn the_last_extension_counts_and_a_hidden_name_is_none() {
        assert_eq!(of_name("page.html"), "text/html; charset=utf-8");
        assert_eq!(of_name("site.tar.gz"), "application/gzip");
        for name in ["", "html", ".html", "page.", "page.html~", "page.\u{e9}"] {
            assert_eq!(of_name(name), "application/octet-stream", "{name}");
        }
    }
}
