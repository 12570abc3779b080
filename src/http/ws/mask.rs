//! Masking (RFC 6455 §5.3), and where masking keys come from.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// XORs `payload` with `key`, of which the first `phase` bytes are used up (mod 4), and gives the
/// phase after it. Masking twice with one key is not masking at all.
///
/// Four bytes at once: the compiler makes of this as many as the machine's registers take.
pub(super) fn apply(payload: &mut [u8], key: [u8; 4], phase: u8) -> u8 {
    let mut key = key;
    key.rotate_left(usize::from(phase & 3));
    let mut fours = payload.chunks_exact_mut(4);
    for four in &mut fours {
        for (byte, key) in four.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
    for (byte, key) in fours.into_remainder().iter_mut().zip(key) {
        *byte ^= key;
    }
    (usize::from(phase) + payload.len()) as u8 & 3
}

/// Where a client's keys come from.
///
/// §5.3 and §10.3: a key MUST NOT be predictable by whoever chooses the payload, or a page could
/// have its browser write bytes of its choice to a proxy that takes them for a request. So a key is
/// a keyed hash (SipHash) of a counter, under a secret that the standard library takes from the
/// operating system's entropy: no system call a frame, and no crate for it.
#[derive(Clone, Debug)]
pub struct Masks {
    secret: Secret,
    count: u64,
}

#[derive(Clone, Debug)]
enum Secret {
    Random(RandomState),
    /// Known to everybody: the same keys in every run.
    #[cfg(any(test, fuzzing))]
    None,
}

impl Masks {
    /// Keys that nobody else can know.
    #[expect(clippy::new_without_default, reason = "two of them are not the same")]
    pub fn new() -> Masks {
        Masks { secret: Secret::Random(RandomState::new()), count: 0 }
    }

    /// The same keys in every run.
    #[cfg(any(test, fuzzing))]
    pub fn predictable() -> Masks {
        Masks { secret: Secret::None, count: 0 }
    }

    /// Eight bytes that were not given before, but by chance.
    pub(super) fn bytes(&mut self) -> [u8; 8] {
        self.count = self.count.wrapping_add(1);
        match &self.secret {
            Secret::Random(secret) => secret.hash_one(self.count).to_ne_bytes(),
            #[cfg(any(test, fuzzing))]
            Secret::None => self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes(),
        }
    }

    /// The next key.
    pub(super) fn key(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.bytes();
        [a, b, c, d]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_is_the_rfcs_formula_and_its_own_inverse_however_it_is_cut() {
        let key = [0x37, 0xFA, 0x21, 0x3D];
        for length in 0..40 {
            let plain: Vec<u8> = (0..length).collect();
            let formula: Vec<u8> =
                plain.iter().enumerate().map(|(at, byte)| byte ^ key[at % 4]).collect();
            for cut in 0..=plain.len() {
                let mut payload = plain.clone();
                let (head, tail) = payload.split_at_mut(cut);
                let phase = apply(head, key, 0);
                apply(tail, key, phase);
                assert_eq!(payload, formula, "cut at {cut}");
                apply(&mut payload, key, 0);
                assert_eq!(payload, plain);
            }
        }
    }

    #[test]
    fn keys_differ_from_frame_to_frame_and_from_connection_to_connection() {
        let (mut one, mut other) = (Masks::new(), Masks::new());
        let keys: Vec<_> = (0..8).map(|_| one.bytes()).collect();
        let theirs: Vec<_> = (0..8).map(|_| other.bytes()).collect();
        let mut all = [keys, theirs].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 16);
    }
}
