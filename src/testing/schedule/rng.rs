//! Random numbers for those who draw very many cases.

/// A small generator of random numbers: SplitMix64. The same seed gives the same numbers, on every
/// machine and in every version of evloop whose generators are the same.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The numbers of case `case` of a series that has `seed`: a case can be drawn without those
    /// before it.
    pub fn of_case(seed: u64, case: u64) -> Rng {
        let mut rng = Rng(seed);
        let series = rng.bits();
        Rng(series ^ case.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// `true` in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn one_of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len() as u64) as usize]
    }

    /// A number below `bound` of which each half is as likely as all that is above it: small
    /// numbers are likelier. 0 if `bound` is 0.
    pub(super) fn below_and_small(&mut self, bound: u64) -> u64 {
        let halvings = self.below(u64::from(bound.max(1).ilog2()) + 1);
        self.below((bound >> halvings).max(bound.min(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_below_its_bound_and_each_is_met() {
        let mut rng = Rng::new(1);
        for bound in [1, 2, 3, 7, 10] {
            let drawn: std::collections::BTreeSet<u64> =
                (0..1000).map(|_| rng.below(bound)).collect();
            assert_eq!(drawn, (0..bound).collect());
            let small: std::collections::BTreeSet<u64> =
                (0..4000).map(|_| rng.below_and_small(bound)).collect();
            assert_eq!(small, (0..bound).collect());
        }
        assert_eq!((rng.below(0), rng.below_and_small(0)), (0, 0));
    }

    #[test]
    fn cases_of_a_series_have_numbers_of_their_own() {
        let first: std::collections::BTreeSet<u64> =
            (0..1000).map(|case| Rng::of_case(7, case).bits()).collect();
        assert_eq!(first.len(), 1000);
        assert_ne!(Rng::of_case(7, 1).bits(), Rng::of_case(8, 1).bits());
    }
}
