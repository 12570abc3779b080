//! The simulated kernel at both ends.
