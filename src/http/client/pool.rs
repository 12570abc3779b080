//! Connections that wait for another request to the same server.

use std::collections::HashMap;

use super::connection::Connection;
use crate::sys::Time;

/// Idle connections by authority. It keeps no time of its own.
pub(super) struct Pool<C = Connection> {
    idle: HashMap<String, Vec<(C, Time)>>,
    count: usize,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Pool { idle: HashMap::new(), count: 0 }
    }
}

impl<C> Pool<C> {
    /// The connection to `authority` that was used last.
    pub(super) fn take(&mut self, authority: &str) -> Option<C> {
        let idle = self.idle.get_mut(authority)?;
        let (connection, _) = idle.pop()?;
        if idle.is_empty() {
            self.idle.remove(authority);
        }
        self.count -= 1;
        Some(connection)
    }

    /// Keeps a connection, unless `most` are kept; gives it back then.
    pub(super) fn keep(
        &mut self,
        authority: &str,
        connection: C,
        now: Time,
        most: usize,
    ) -> Option<C> {
        if self.count >= most {
            return Some(connection);
        }
        self.idle.entry(authority.to_owned()).or_default().push((connection, now));
        self.count += 1;
        None
    }

    /// Takes out every connection that was last used before `when`.
    pub(super) fn older_than(&mut self, when: Time) -> Vec<C> {
        let mut old = Vec::new();
        for idle in self.idle.values_mut() {
            let young = idle.partition_point(|(_, since)| *since <= when);
            old.extend(idle.drain(..young).map(|(connection, _)| connection));
        }
        self.idle.retain(|_, idle| !idle.is_empty());
        self.count -= old.len();
        old
    }

    /// When the connection was used that has been idle longest.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.idle.values().filter_map(|idle| idle.first()).map(|(_, since)| *since).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn the_connection_used_last_is_taken_first_and_only_for_its_own_server() {
        let mut pool = Pool::default();
        for (authority, connection) in [("a", 1), ("a", 2), ("b", 3)] {
            assert_eq!(pool.keep(authority, connection, at(0), 9), None);
        }
        assert_eq!(pool.take("a"), Some(2));
        assert_eq!(pool.take("a"), Some(1));
        assert_eq!(pool.take("a"), None);
        assert_eq!(pool.take("b"), Some(3));
        assert_eq!(pool.oldest(), None);
    }

    #[test]
    fn beyond_its_limit_it_keeps_nothing() {
        let mut pool = Pool::default();
        assert_eq!(pool.keep("a", 1, at(0), 1), None);
        assert_eq!(pool.keep("b", 2, at(0), 1), Some(2));
        assert_eq!(pool.take("a"), Some(1));
        assert_eq!(pool.keep("b", 2, at(0), 1), None);
    }

    #[test]
    fn only_what_was_idle_long_enough_is_let_go() {
        let mut pool = Pool::default();
        for (authority, connection, since) in [("a", 1, 1), ("a", 2, 3), ("b", 3, 2)] {
            pool.keep(authority, connection, at(since), 9);
        }
        assert_eq!(pool.oldest(), Some(at(1)));
        let mut old = pool.older_than(at(2));
        old.sort_unstable();
        assert_eq!(old, [1, 3]);
        assert_eq!((pool.take("b"), pool.take("a")), (None, Some(2)));
    }
}
