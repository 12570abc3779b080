//! httparse over the shared buffer; the answers of one read leave in one write.

use crate::epoll::Handler;
use evloop_bench::page;

/// The answers being built and the date line, renewed when the second changes.
#[derive(Default)]
pub struct Http {
    out: Vec<u8>,
    date: Vec<u8>,
    second: libc::time_t,
}

impl Handler for Http {
    /// The beginning of a request whose end has not come.
    type State = Vec<u8>;

    fn turn(&mut self) {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: clock_gettime writes one timespec through a live exclusive borrow.
        unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
        if now.tv_sec != self.second {
            self.second = now.tv_sec;
            self.date = date(now.tv_sec);
        }
    }

    fn received<'a>(&'a mut self, partial: &mut Vec<u8>, input: &'a [u8]) -> Option<&'a [u8]> {
        self.out.clear();
        if partial.is_empty() {
            let used = self.answer_all(input)?;
            partial.extend_from_slice(&input[used..]);
        } else {
            partial.extend_from_slice(input);
            let used = self.answer_all(partial)?;
            partial.drain(..used);
        }
        Some(&self.out)
    }
}

impl Http {
    /// Answers every whole request in `input` and says how many bytes they were; `None` for what is no request.
    fn answer_all(&mut self, input: &[u8]) -> Option<usize> {
        let mut used = 0;
        while used < input.len() {
            let mut headers = [const { std::mem::MaybeUninit::uninit() }; 32];
            let mut request = httparse::Request::new(&mut []);
            match request.parse_with_uninit_headers(&input[used..], &mut headers).ok()? {
                httparse::Status::Partial => break,
                httparse::Status::Complete(n) => used += n,
            }
            match (request.method?, page(request.path?)) {
                ("GET", Some(text)) => self.answer(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n",
                    &text,
                ),
                _ => self.answer(
                    b"HTTP/1.1 404 Not Found\r\ncontent-type: text/plain; charset=utf-8\r\n",
                    "not found",
                ),
            }
        }
        Some(used)
    }

    fn answer(&mut self, start: &[u8], text: &str) {
        self.out.extend_from_slice(start);
        self.out.extend_from_slice(b"content-length: ");
        self.out.extend_from_slice(decimal(text.len(), &mut [0; 20]));
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(&self.date);
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// The digits of `number`, at the end of `digits`. The formatting machinery costs more than the rest of the answer.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

/// `date: …` in RFC 9110's form, with the empty line that ends the head.
fn date(second: libc::time_t) -> Vec<u8> {
    let mut line = [0; 64];
    // SAFETY: gmtime_r reads the live second and writes the live, zeroed tm; strftime writes at most `line.len()` bytes and
    // reads a C string literal. The program never sets a locale, so the names are English.
    let n = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        libc::gmtime_r(&second, &mut parts);
        let format = c"date: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n";
        libc::strftime(line.as_mut_ptr().cast(), line.len(), format.as_ptr(), &parts)
    };
    line[..n].to_vec()
}

#[cfg(test)]
mod tests {
    use super::{Handler, Http, date, decimal};

    #[test]
    fn the_date_is_in_the_form_of_rfc_9110() {
        assert_eq!(date(784_111_777), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    }

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        for number in [0, 9, 10, 13, 1_000_000, usize::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn requests_cut_anywhere_are_answered_once_each() {
        let input = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /7 HTTP/1.1\r\nhost: a\r\n\r\n";
        for cut in 0..input.len() {
            let (mut http, mut partial, mut out) = (Http::default(), Vec::new(), Vec::new());
            for part in [&input[..cut], &input[cut..]] {
                out.extend_from_slice(
                    http.received(&mut partial, part).expect("both are requests"),
                );
            }
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches("200 OK").count(), 2, "cut at {cut}");
            assert!(text.ends_with("id=7"), "cut at {cut}");
            assert!(partial.is_empty());
        }
    }
}
