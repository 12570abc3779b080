//! The smallest event loop: a queue of things that pause, and a loop that lets each take a step.
//!
//! `generators_by_hand` had to know how many steps there are and whose turn it is. The queue knows
//! now, and takes any number of generators of any length.

use std::collections::VecDeque;

/// Something that pauses: `resume` takes the next step, and tells whether there are more.
type Generator = Box<dyn FnMut() -> bool>;

fn a() -> Generator {
    let mut rest = 0..3;
    Box::new(move || rest.next().inspect(|x| println!("{x}")).is_some())
}

fn b() -> Generator {
    let mut rest = "abc".chars();
    Box::new(move || rest.next().inspect(|x| println!("{x}")).is_some())
}

fn main() {
    let mut queue = VecDeque::from([a(), b()]);

    // The event loop.
    while let Some(mut generator) = queue.pop_front() {
        if generator() {
            queue.push_back(generator);
        }
    }
}
