//! register, modify, unregister, get_map.

use std::fs::File;
use std::io::{ErrorKind, Write};

use super::*;
use crate::sys::testing::reuse_number;

fn a_registered_descriptor_cannot_be_registered_again(open: Open) {
    let (mut selector, here, _there) = watched_pair(open, Interest::WRITE);
    let error = selector.register(fd(&here), Interest::READ, token(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains(&fd(&here).to_string()), "{error}");
    let readiness = Readiness::WRITABLE;
    assert_eq!(select(&mut *selector, NOW), [Event { token: token(1), readiness }]);
}

fn what_is_not_registered_can_be_neither_modified_nor_unregistered(open: Open) {
    let mut selector = open();
    let (here, _there) = pair();
    for number in [fd(&here), -1, RawFd::MAX] {
        let error = selector.modify(number, Interest::READ, token(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(selector.unregister(number).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

fn a_number_that_is_no_open_descriptor_is_ebadf(open: Open) {
    let mut selector = open();
    for number in [-1, RawFd::MIN, RawFd::MAX] {
        let error = selector.register(number, Interest::BOTH, token(1)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{number}");
    }
    assert!(selector.is_empty());
}

fn a_regular_file_and_a_directory_are_refused_with_the_same_words(open: Open) {
    let mut selector = open();
    let (file, directory) = (File::open(file!()), File::open("src"));
    for storage in [file.unwrap(), directory.unwrap()] {
        for interest in [Interest::READ, Interest::WRITE, Interest::BOTH] {
            let error = selector.register(fd(&storage), interest, token(1)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), not_waitable(fd(&storage)).to_string());
        }
    }
    assert!(selector.is_empty());
    assert_eq!(select(&mut *selector, NOW), []);
}

fn the_bells_own_token_is_refused_and_nothing_changes(open: Open) {
    let (mut selector, here, there) = watched_pair(open, Interest::WRITE);
    let bells = Token::new(u32::MAX, u32::MAX);
    let error = selector.register(fd(&there), Interest::READ, bells).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = selector.modify(fd(&here), Interest::READ, bells).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let readiness = Readiness::WRITABLE;
    assert_eq!(select(&mut *selector, NOW), [Event { token: token(1), readiness }]);
}

fn the_map_has_every_registration_in_the_order_of_descriptors(open: Open) {
    let mut selector = open();
    assert!(selector.is_empty());
    let (one, two) = pair();
    let (three, four) = pair();
    let mut ends = [one, two, three, four];
    ends.sort_by_key(fd);
    let interests = [Interest::READ, Interest::WRITE, Interest::BOTH, Interest::READ];
    let keys: Vec<SelectorKey> = (ends.iter().zip(interests).zip(1..))
        .map(|((end, interest), slot)| SelectorKey { fd: fd(end), interest, token: token(slot) })
        .collect();
    for key in keys.iter().rev() {
        selector.register(key.fd, key.interest, key.token).unwrap();
    }
    assert_eq!(selector.get_map(), keys);
    assert_eq!(selector.len(), 4);
    selector.unregister(keys[1].fd).unwrap();
    assert_eq!(selector.get_map(), [keys[0], keys[2], keys[3]]);
    assert_eq!(selector.len(), 3);
}

fn modifying_changes_what_is_watched_and_the_token(open: Open) {
    let (mut selector, here, mut there) = watched_pair(open, Interest::READ);
    there.write_all(b"x").unwrap();
    let (read, write) = (Readiness::READABLE, Readiness::WRITABLE);
    let steps = [(Interest::WRITE, write), (Interest::BOTH, read | write), (Interest::READ, read)];
    for (slot, (interest, readiness)) in (2..).zip(steps) {
        selector.modify(fd(&here), interest, token(slot)).unwrap();
        assert_eq!(select(&mut *selector, NOW), [Event { token: token(slot), readiness }]);
        assert_eq!(
            selector.get_map(),
            [SelectorKey { fd: fd(&here), interest, token: token(slot) }]
        );
    }
    selector.modify(fd(&here), Interest::READ, token(9)).unwrap();
    assert_eq!(select(&mut *selector, NOW), [Event { token: token(9), readiness: read }]);
}

fn unregistering_is_effective_at_once(open: Open) {
    let (mut selector, here, mut there) = watched_pair(open, Interest::BOTH);
    there.write_all(b"x").unwrap();
    selector.unregister(fd(&here)).unwrap();
    assert_eq!(select(&mut *selector, NOW), []);
    assert!(selector.is_empty());
    selector.register(fd(&here), Interest::READ, token(2)).unwrap();
    let readiness = Readiness::READABLE;
    assert_eq!(select(&mut *selector, NOW), [Event { token: token(2), readiness }]);
}

fn a_descriptor_that_was_closed_first_can_still_be_unregistered(open: Open) {
    let (mut selector, here, there) = watched_pair(open, Interest::BOTH);
    let number = fd(&here);
    drop(here);
    selector.unregister(number).unwrap();
    assert!(selector.is_empty());
    assert_eq!(select(&mut *selector, NOW), []);
    drop(there);
}

fn a_reused_number_finds_nothing_of_its_former_owner(open: Open) {
    let (mut selector, here, mut there) = watched_pair(open, Interest::READ);
    let (new, mut new_there) = pair();
    selector.unregister(fd(&here)).unwrap();
    reuse_number(&here, &new);
    selector.register(fd(&here), Interest::READ, token(2)).unwrap();
    assert!(there.write_all(b"x").is_err(), "the former file must be closed");
    assert_eq!(select(&mut *selector, NOW), []);
    new_there.write_all(b"x").unwrap();
    let readiness = Readiness::READABLE;
    assert_eq!(select(&mut *selector, NOW), [Event { token: token(2), readiness }]);
}

fn a_number_reused_behind_the_selectors_back_can_be_unregistered(open: Open) {
    let (mut selector, here, _there) = watched_pair(open, Interest::READ);
    let (new, mut new_there) = pair();
    new_there.write_all(b"x").unwrap();
    reuse_number(&here, &new);
    selector.unregister(fd(&here)).unwrap();
    assert_eq!(select(&mut *selector, NOW), []);
    selector.register(fd(&here), Interest::READ, token(2)).unwrap();
    let readiness = Readiness::READABLE;
    assert_eq!(select(&mut *selector, NOW), [Event { token: token(2), readiness }]);
}

fn two_selectors_can_watch_one_descriptor(open: Open) {
    let (mut one, here, mut there) = watched_pair(open, Interest::READ);
    let mut two = open();
    two.register(fd(&here), Interest::WRITE, token(2)).unwrap();
    there.write_all(b"x").unwrap();
    assert_eq!(ready(&mut *one), Readiness::READABLE);
    assert_eq!(ready(&mut *two), Readiness::WRITABLE);
    drop(one);
    assert_eq!(ready(&mut *two), Readiness::WRITABLE);
}

over_every_backend! {
    a_registered_descriptor_cannot_be_registered_again,
    what_is_not_registered_can_be_neither_modified_nor_unregistered,
    a_number_that_is_no_open_descriptor_is_ebadf,
    a_regular_file_and_a_directory_are_refused_with_the_same_words,
    the_bells_own_token_is_refused_and_nothing_changes,
    the_map_has_every_registration_in_the_order_of_descriptors,
    modifying_changes_what_is_watched_and_the_token,
    unregistering_is_effective_at_once,
    a_descriptor_that_was_closed_first_can_still_be_unregistered,
    a_reused_number_finds_nothing_of_its_former_owner,
    a_number_reused_behind_the_selectors_back_can_be_unregistered,
    two_selectors_can_watch_one_descriptor,
}
