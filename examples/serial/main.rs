//! Two functions, one after the other: whoever comes first keeps the thread until it is done.

fn a() {
    for x in 0..3 {
        println!("{x}");
    }
}

fn b() {
    for x in "abc".chars() {
        println!("{x}");
    }
}

fn main() {
    a();
    b();
}
