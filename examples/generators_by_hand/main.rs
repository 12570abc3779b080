//! Two functions that pause: nobody but `main` decides who prints next.
//!
//! A generator is a struct that holds where its function stands, and a `resume` that takes the
//! next step. Python's `yield` makes such a thing out of a function; here it is written out.

/// `for x in range(3): print(x); yield`
struct A {
    x: u32,
}

impl A {
    /// Goes on to the next `yield`; `false` once the function has returned.
    fn resume(&mut self) -> bool {
        if self.x == 3 {
            return false;
        }
        println!("{}", self.x);
        self.x += 1;
        true
    }
}

/// `for x in "abc": print(x); yield`
struct B {
    rest: &'static str,
}

impl B {
    fn resume(&mut self) -> bool {
        let Some(x) = self.rest.chars().next() else { return false };
        println!("{x}");
        self.rest = &self.rest[x.len_utf8()..];
        true
    }
}

fn main() {
    // Making a generator runs nothing of it yet.
    let mut x = A { x: 0 };
    let mut y = B { rest: "abc" };
    for _ in 0..3 {
        x.resume();
        y.resume();
    }
}
