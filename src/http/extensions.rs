//! What middlewares and handlers tell each other about one request.

use std::any::{Any, TypeId, type_name};
use std::fmt;

/// Values by their type, one of each. (`request[...]`)
///
/// It has the calls of `http::Extensions`, but asks of a value only that it be `'static`: on one
/// thread an `Rc` is what one would store.
///
/// ```
/// use std::rc::Rc;
/// use evloop::http::Extensions;
/// struct User(Rc<str>);
/// let mut extensions = Extensions::new();
/// extensions.insert(User("ada".into()));
/// assert_eq!(&*extensions.get::<User>().unwrap().0, "ada");
/// ```
#[derive(Default)]
pub struct Extensions(Vec<(TypeId, Box<dyn Any>)>);

impl Extensions {
    /// None.
    pub const fn new() -> Extensions {
        Extensions(Vec::new())
    }

    /// Stores `value`, and gives the one of this type that was there.
    pub fn insert<T: 'static>(&mut self, value: T) -> Option<T> {
        let before = self.remove::<T>();
        self.0.push((TypeId::of::<T>(), Box::new(value)));
        before
    }

    /// The value of this type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        let (_, value) = self.0.iter().find(|(id, _)| *id == TypeId::of::<T>())?;
        value.downcast_ref()
    }

    /// The same, to be changed.
    pub fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        let (_, value) = self.0.iter_mut().find(|(id, _)| *id == TypeId::of::<T>())?;
        value.downcast_mut()
    }

    /// Takes the value of this type out.
    pub fn remove<T: 'static>(&mut self) -> Option<T> {
        let place = self.0.iter().position(|(id, _)| *id == TypeId::of::<T>())?;
        let (_, value) = self.0.swap_remove(place);
        value.downcast().ok().map(|value| *value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {}>", type_name::<Extensions>(), self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let mut it = Extensions::new();
        assert_eq!((it.insert(1_u8), it.insert("a"), it.insert(2_u8)), (None, None, Some(1)));
        *it.get_mut::<u8>().unwrap() += 1;
        assert_eq!(
            (it.get::<u8>(), it.get::<&str>(), it.get::<u16>()),
            (Some(&3), Some(&"a"), None)
        );
        assert_eq!((it.remove::<u8>(), it.remove::<u8>(), it.is_empty()), (Some(3), None, false));
    }
}
