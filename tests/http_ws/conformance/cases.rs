//! The table. A case is what the peer says, and what it then has to hear.

use super::peer::{Frame, frame};

const TEXT: u8 = 0x81;
const TEXT_BEGINS: u8 = 0x01;
const BINARY: u8 = 0x82;
const BINARY_BEGINS: u8 = 0x02;
const MORE: u8 = 0x00;
const LAST: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

pub struct Case {
    /// Its number in the suite; where that has several in one, all have that of the first.
    pub id: &'static str,
    pub says: Vec<Frame>,
    /// How many bytes it says at a time; 0 for all at once.
    pub chop: usize,
    pub expects: Vec<Frame>,
}

#[derive(Default)]
struct Table(Vec<Case>);

fn said(code: u16, reason: &str) -> Frame {
    frame(CLOSE, [&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

impl Table {
    /// It is all right, and they part in peace.
    fn right(&mut self, id: &'static str, chop: usize, says: &[Frame], expects: &[Frame]) {
        let end = [said(1000, "")];
        let (says, expects) = ([says, &end].concat(), [expects, &end].concat());
        self.0.push(Case { id, says, chop, expects });
    }

    /// After `expects` it is closed with `code`; the peer says no more.
    fn wrong(
        &mut self,
        id: &'static str,
        chop: usize,
        says: &[Frame],
        expects: &[Frame],
        code: u16,
    ) {
        let expects = [expects, &[said(code, "")]].concat();
        self.0.push(Case { id, says: says.to_vec(), chop, expects });
    }

    /// Exactly that.
    fn exact(&mut self, id: &'static str, says: &[Frame], expects: &[Frame]) {
        let (says, expects) = (says.to_vec(), expects.to_vec());
        self.0.push(Case { id, says, chop: 0, expects });
    }

    /// It is echoed.
    fn echoed(&mut self, id: &'static str, chop: usize, message: Frame) {
        self.right(id, chop, std::slice::from_ref(&message), std::slice::from_ref(&message));
    }
}

pub fn cases() -> Vec<Case> {
    let mut table = Table::default();
    messages(&mut table);
    pings(&mut table);
    reserved_bits(&mut table);
    opcodes(&mut table);
    fragments(&mut table);
    text(&mut table);
    text_fails_fast(&mut table);
    closing(&mut table);
    close_codes(&mut table);
    sizes(&mut table);
    table.0
}

fn messages(table: &mut Table) {
    for size in [0, 125, 126, 127, 128, 65_535, 65_536] {
        table.echoed("1.1", 0, frame(TEXT, vec![b'*'; size]));
        table.echoed("1.2", 0, frame(BINARY, vec![0xFE; size]));
    }
    table.echoed("1.1.8", 997, frame(TEXT, vec![b'*'; 65_536]));
    table.echoed("1.2.8", 997, frame(BINARY, vec![0xFE; 65_536]));
}

fn pings(table: &mut Table) {
    let pong = |payload: &[u8]| frame(PONG, payload);
    for (id, payload) in [
        ("2.1", &b""[..]),
        ("2.2", b"Hello, world!"),
        ("2.3", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        ("2.4", &[0xFE; 125]),
    ] {
        table.right(id, 0, &[frame(PING, payload)], &[pong(payload)]);
    }
    table.wrong("2.5", 0, &[frame(PING, [0xFE; 126])], &[], 1002);
    table.right("2.6", 1, &[frame(PING, [0xFE; 125])], &[pong(&[0xFE; 125])]);
    table.right("2.7", 0, &[frame(PONG, "")], &[]);
    table.right("2.8", 0, &[frame(PONG, "unsolicited")], &[]);
    table.right("2.9", 0, &[frame(PONG, "unsolicited"), frame(PING, "p")], &[pong(b"p")]);
    let ten: Vec<_> = (0..10).map(|it| format!("payload-{it}")).collect();
    let asked: Vec<_> = ten.iter().map(|it| frame(PING, it)).collect();
    let answered: Vec<_> = ten.iter().map(|it| frame(PONG, it)).collect();
    table.right("2.10", 0, &asked, &answered);
    table.right("2.11", 1, &asked, &answered);
}

fn reserved_bits(table: &mut Table) {
    let text = || frame(TEXT, "Hello, world!");
    let with = |bits: u8, first: u8| frame(first | bits << 4, "");
    table.wrong("3.1", 0, &[frame(TEXT | 4 << 4, "Hello, world!")], &[], 1002);
    for (id, chop, bits) in [("3.2", 0, 2), ("3.3", 0, 3), ("3.4", 1, 4)] {
        let says = [text(), with(bits, TEXT), frame(PING, "")];
        table.wrong(id, chop, &says, &[text()], 1002);
    }
    table.wrong("3.5", 0, &[with(5, BINARY)], &[], 1002);
    table.wrong("3.6", 0, &[with(6, PING)], &[], 1002);
    table.wrong("3.7", 0, &[with(7, CLOSE)], &[], 1002);
}

fn opcodes(table: &mut Table) {
    let text = || frame(TEXT, "Hello, world!");
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let id = if opcode < 8 { "4.1" } else { "4.2" };
        table.wrong(id, 0, &[frame(0x80 | opcode, "")], &[], 1002);
        table.wrong(id, 0, &[frame(0x80 | opcode, "reserved")], &[], 1002);
        let says = [text(), frame(0x80 | opcode, "reserved"), frame(PING, "")];
        table.wrong(id, 0, &says, &[text()], 1002);
        table.wrong(id, 1, &says, &[text()], 1002);
    }
}

fn fragments(table: &mut Table) {
    table.wrong("5.1", 0, &[frame(0x09, "one"), frame(LAST, "two")], &[], 1002);
    table.wrong("5.2", 0, &[frame(0x0A, "one"), frame(LAST, "two")], &[], 1002);
    let (one, two) = (|| frame(TEXT_BEGINS, "fragment1"), || frame(LAST, "fragment2"));
    let whole = || frame(TEXT, "fragment1fragment2");
    let (ping, pong) = (|| frame(PING, "ping"), || frame(PONG, "ping"));
    for (id, chop) in [("5.3", 0), ("5.4", 9), ("5.5", 1)] {
        table.right(id, chop, &[one(), two()], &[whole()]);
    }
    for (id, chop) in [("5.6", 0), ("5.7", 9), ("5.8", 1)] {
        table.right(id, chop, &[one(), ping(), two()], &[pong(), whole()]);
    }
    for (id, first, chop) in [
        ("5.9", LAST, 0),
        ("5.10", LAST, 9),
        ("5.11", LAST, 1),
        ("5.12", MORE, 0),
        ("5.13", MORE, 9),
        ("5.14", MORE, 1),
    ] {
        table.wrong(id, chop, &[frame(first, "nothing begun"), whole()], &[], 1002);
    }
    let says = [one(), two(), frame(MORE, "fragment3"), frame(TEXT, "fragment4")];
    table.wrong("5.15", 0, &says, &[whole()], 1002);
    for (id, first) in [("5.16", MORE), ("5.17", LAST)] {
        let says = [frame(first, "fragment1"), frame(TEXT_BEGINS, "2"), frame(LAST, "3")];
        table.wrong(id, 0, &[says.clone(), says].concat(), &[], 1002);
    }
    table.wrong("5.18", 0, &[one(), whole()], &[], 1002);
    let many = [
        frame(TEXT_BEGINS, "fragment1"),
        frame(MORE, "fragment2"),
        ping(),
        frame(MORE, "fragment3"),
        frame(MORE, "fragment4"),
        ping(),
        frame(LAST, "fragment5"),
    ];
    let joined = frame(TEXT, "fragment1fragment2fragment3fragment4fragment5");
    table.right("5.19", 0, &many, &[pong(), pong(), joined.clone()]);
    table.right("5.20", 1, &many, &[pong(), pong(), joined]);
}

/// Each byte a fragment.
fn bytewise(text: &[u8]) -> Vec<Frame> {
    let mut frames = vec![frame(TEXT_BEGINS, "")];
    frames.extend(text.iter().map(|byte| frame(MORE, [*byte])));
    frames.push(frame(LAST, ""));
    frames
}

fn text(table: &mut Table) {
    table.right(
        "6.1.2",
        0,
        &[frame(TEXT_BEGINS, ""), frame(MORE, ""), frame(LAST, "")],
        &[frame(TEXT, "")],
    );
    let says = [frame(TEXT_BEGINS, ""), frame(MORE, "middle"), frame(LAST, "")];
    table.right("6.1.3", 0, &says, &[frame(TEXT, "middle")]);
    let valid: &[(&'static str, &[u8])] = &[
        ("6.2", "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!".as_bytes()),
        ("6.5", "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes()),
        ("6.6", "\u{4e2d}\u{6587}".as_bytes()),
        // The first and the last of each length.
        ("6.7.1", b"\x00"),
        ("6.7.2", b"\xc2\x80"),
        ("6.7.3", b"\xe0\xa0\x80"),
        ("6.7.4", b"\xf0\x90\x80\x80"),
        ("6.9.1", b"\x7f"),
        ("6.9.2", b"\xdf\xbf"),
        ("6.9.3", b"\xef\xbf\xbf"),
        ("6.9.4", b"\xf4\x8f\xbf\xbf"),
        // Around the surrogates.
        ("6.11.1", b"\xed\x9f\xbf"),
        ("6.11.2", b"\xee\x80\x80"),
        ("6.11.3", b"\xef\xbf\xbd"),
        // Code points that are no characters may be sent all the same.
        ("6.22", b"\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe\xf0\x9f\xbf\xbf\xf4\x8f\xbf\xbe"),
        ("6.23", b"\xef\xbf\xb9\xef\xbf\xba\xef\xbf\xbb\xef\xbf\xbc\xef\xbf\xbd"),
    ];
    for (id, valid) in valid {
        table.echoed(id, 0, frame(TEXT, valid));
        table.right(id, 0, &bytewise(valid), &[frame(TEXT, valid)]);
        table.right(id, 1, &bytewise(valid), &[frame(TEXT, valid)]);
    }
    let invalid: &[(&'static str, &[u8])] = &[
        ("6.3", b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"),
        // Lengths that there are no more.
        ("6.8.1", b"\xf8\x88\x80\x80\x80"),
        ("6.8.2", b"\xfc\x84\x80\x80\x80\x80"),
        ("6.10.1", b"\xf7\xbf\xbf\xbf"),
        ("6.10.2", b"\xfb\xbf\xbf\xbf\xbf"),
        ("6.10.3", b"\xfd\xbf\xbf\xbf\xbf\xbf"),
        ("6.11.5", b"\xf4\x90\x80\x80"),
        // Continuations alone.
        ("6.12.1", b"\x80"),
        ("6.12.2", b"\xbf"),
        ("6.12.3", b"\x80\xbf"),
        ("6.12.8", b"\x80\xbf\x80\xbf\x80\xbf\x80\xbe"),
        // Beginnings alone.
        ("6.13.1", b"\xc0\x20\xc1\x20\xdf\x20"),
        ("6.13.2", b"\xe0\x20\xef\x20"),
        ("6.13.3", b"\xf0\x20\xf7\x20"),
        ("6.13.4", b"\xf8\x20\xfb\x20"),
        ("6.13.5", b"\xfc\x20"),
        // The last byte is missing.
        ("6.14.1", b"\xc0"),
        ("6.14.2", b"\xe0\x80"),
        ("6.14.3", b"\xf0\x80\x80"),
        ("6.14.6", b"\xdf"),
        ("6.14.7", b"\xef\xbf"),
        ("6.14.8", b"\xf7\xbf\xbf"),
        ("6.15", b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80"),
        // Bytes that there are not.
        ("6.16.1", b"\xfe"),
        ("6.16.2", b"\xff"),
        ("6.16.3", b"\xfe\xfe\xff\xff"),
        // Longer than needed.
        ("6.17.1", b"\xc0\xaf"),
        ("6.17.2", b"\xe0\x80\xaf"),
        ("6.17.3", b"\xf0\x80\x80\xaf"),
        ("6.18.1", b"\xc1\xbf"),
        ("6.18.2", b"\xe0\x9f\xbf"),
        ("6.18.3", b"\xf0\x8f\xbf\xbf"),
        ("6.19.1", b"\xc0\x80"),
        ("6.19.2", b"\xe0\x80\x80"),
        ("6.19.3", b"\xf0\x80\x80\x80"),
        // Halves of surrogate pairs, and pairs of them.
        ("6.20.1", b"\xed\xa0\x80"),
        ("6.20.2", b"\xed\xad\xbf"),
        ("6.20.4", b"\xed\xaf\xbf"),
        ("6.20.5", b"\xed\xb0\x80"),
        ("6.20.7", b"\xed\xbf\xbf"),
        ("6.21.1", b"\xed\xa0\x80\xed\xb0\x80"),
        ("6.21.8", b"\xed\xaf\xbf\xed\xbf\xbf"),
    ];
    for (id, invalid) in invalid {
        table.wrong(id, 0, &[frame(TEXT, invalid)], &[], 1007);
        table.wrong(id, 0, &bytewise(invalid), &[], 1007);
        table.wrong(id, 1, &bytewise(invalid), &[], 1007);
        // In bytes it is nobody's business.
        table.echoed(id, 0, frame(BINARY, invalid));
    }
}

/// The peer waits after what is wrong, and the rest never comes.
fn text_fails_fast(table: &mut Table) {
    let valid = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}".as_bytes();
    let begun = || frame(TEXT_BEGINS, valid);
    table.wrong("6.4.1", 0, &[begun(), frame(MORE, b"\xf4\x90\x80\x80")], &[], 1007);
    table.wrong("6.4.2", 0, &[begun(), frame(MORE, b"\xf4\x90")], &[], 1007);
    for (id, wrong) in [("6.4.3", &b"\xf4\x90\x80\x80"[..]), ("6.4.4", b"\xf4\x90")] {
        let text = Frame { missing: 100, ..frame(TEXT, [valid, wrong].concat()) };
        table.wrong(id, 0, std::slice::from_ref(&text), &[], 1007);
        table.wrong(id, 1, &[text], &[], 1007);
    }
}

fn closing(table: &mut Table) {
    let (text, end) = (|| frame(TEXT, "Hello World!"), || said(1000, ""));
    table.echoed("7.1.1", 0, text());
    table.exact("7.1.2", &[end(), end()], &[end()]);
    table.exact("7.1.3", &[end(), frame(PING, "")], &[end()]);
    table.exact("7.1.4", &[end(), text()], &[end()]);
    let says = [frame(TEXT_BEGINS, "fragment1"), end(), frame(LAST, "fragment2")];
    table.exact("7.1.5", &says, &[end()]);
    let long = || frame(TEXT, vec![b'B'; 256 << 10]);
    table.exact("7.1.6", &[long(), end(), frame(PING, "")], &[long(), end()]);
    table.exact("7.3.1", &[frame(CLOSE, "")], &[frame(CLOSE, "")]);
    table.wrong("7.3.2", 0, &[frame(CLOSE, "a")], &[], 1002);
    table.exact("7.3.3", &[end()], &[end()]);
    table.exact("7.3.4", &[said(1000, "Hello World!")], &[end()]);
    table.exact("7.3.5", &[said(1000, &"*".repeat(123))], &[end()]);
    table.wrong("7.3.6", 0, &[said(1000, &"*".repeat(124))], &[], 1002);
    let invalid = [&1000_u16.to_be_bytes()[..], b"\xce\xba\xed\xa0\x80edited"].concat();
    table.wrong("7.5.1", 0, &[frame(CLOSE, invalid)], &[], 1007);
}

fn close_codes(table: &mut Table) {
    let sent = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for code in sent.into_iter().chain([3000, 3999, 4000, 4999]) {
        table.exact("7.7", &[said(code, "")], &[said(code, "")]);
        table.exact("7.7", &[said(code, "why")], &[said(code, "")]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        table.wrong("7.9", 0, &[said(code, "")], &[], 1002);
        table.wrong("7.9", 0, &[said(code, "why")], &[], 1002);
    }
}

fn fragmented(whole: &Frame, size: usize) -> Vec<Frame> {
    let mut frames: Vec<_> = whole.payload.chunks(size).map(|it| frame(MORE, it)).collect();
    frames[0].first = whole.first & 0x0F;
    frames.last_mut().expect("one at least").first |= LAST;
    frames
}

fn sizes(table: &mut Table) {
    let (text, binary) =
        (|size| frame(TEXT, vec![b'*'; size]), |size| frame(BINARY, vec![7; size]));
    for kib in [64, 256, 1024, 4096] {
        table.echoed("9.1", 0, text(kib << 10));
        table.echoed("9.2", 0, binary(kib << 10));
    }
    // The suite goes on to 16 MiB; the limit, unless another is set, is 4.
    for size in [(4 << 20) + 1, 8 << 20, 16 << 20] {
        let says = Frame { missing: size, ..frame(TEXT, "") };
        table.wrong("9.1.5", 0, &[says], &[], 1009);
        let says = Frame { missing: size, ..frame(BINARY, "") };
        table.wrong("9.2.5", 0, &[says], &[], 1009);
    }
    let (half, more) = (vec![7; 2 << 20], Frame { missing: (2 << 20) + 1, ..frame(LAST, "") });
    table.wrong("9.4.9", 0, &[frame(BINARY_BEGINS, half), more], &[], 1009);
    for size in [64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10] {
        table.right("9.3", 0, &fragmented(&text(1 << 20), size), &[text(1 << 20)]);
        table.right("9.4", 0, &fragmented(&binary(1 << 20), size), &[binary(1 << 20)]);
    }
    for chop in [64, 128, 512, 2048] {
        table.echoed("9.5", chop, text(256 << 10));
        table.echoed("9.6", chop, binary(256 << 10));
    }
    for size in [0, 16, 64, 256, 1024, 4096, 16_384] {
        let texts = vec![text(size); 100];
        table.right("9.7", 0, &texts, &texts);
        let binaries = vec![binary(size); 100];
        table.right("9.8", 0, &binaries, &binaries);
    }
    table.right("10.1.1", 0, &fragmented(&text(65_536), 1300), &[text(65_536)]);
}
