//! What an application shares with its handlers: values, one of each type, and names of routes.

use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use crate::http::Request;
use crate::http::router::{Pattern, UrlForError};

/// Values, one of each type.
#[derive(Clone, Default)]
pub(super) struct State(HashMap<TypeId, Rc<dyn Any>>);

impl State {
    fn insert<T: 'static>(&mut self, value: T) -> Option<Rc<T>> {
        let before = self.0.insert(TypeId::of::<T>(), Rc::new(value));
        before.and_then(|before| before.downcast().ok())
    }

    fn get<T: 'static>(&self) -> Option<&Rc<dyn Any>> {
        self.0.get(&TypeId::of::<T>())
    }
}

/// What an application's hooks are given: its values, to add to while it starts up.
/// (`aiohttp.web.Application` as a mapping)
///
/// Handlers get them from [`Request::state`]. A nested application has the values of those around
/// it, too, unless it has its own of that type.
#[derive(Clone, Default)]
pub struct AppContext(Rc<RefCell<State>>);

impl AppContext {
    /// Adds a value, in the place of one of that type, which is given back.
    ///
    /// Handlers see what was added before the start-up was over.
    pub fn insert<T: 'static>(&self, value: T) -> Option<Rc<T>> {
        self.0.borrow_mut().insert(value)
    }

    /// The value of this type.
    pub fn get<T: 'static>(&self) -> Option<Rc<T>> {
        self.0.borrow().get::<T>().cloned().and_then(|value| value.downcast().ok())
    }
}

impl fmt::Debug for AppContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<AppContext with {} values>", self.0.borrow().0.len())
    }
}

/// The names of an application's routes.
type Names = HashMap<Box<str>, Rc<Pattern>>;

/// What the handlers of one application see of it; with what the applications around it have.
#[derive(Clone, Default)]
pub(in crate::http) struct Scope {
    state: State,
    names: Names,
}

impl Scope {
    /// The scope of an application within `outer`, which it hides where both have something.
    pub(super) fn within<'a>(
        outer: Option<&Scope>,
        context: &AppContext,
        names: impl Iterator<Item = (&'a str, &'a Rc<Pattern>)>,
    ) -> Scope {
        let mut scope = outer.cloned().unwrap_or_default();
        let own = context.0.borrow();
        scope.state.0.extend(own.0.iter().map(|(id, value)| (*id, value.clone())));
        scope.names.extend(names.map(|(name, pattern)| (name.into(), pattern.clone())));
        scope
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.0.is_empty() && self.names.is_empty()
    }
}

impl Request {
    /// The application's value of this type. (`request.app[key]`)
    ///
    /// ```
    /// use evloop::web::{Application, Request};
    ///
    /// struct Greeting(&'static str);
    ///
    /// async fn greet(request: Request) -> String {
    ///     format!("{}, {}!", request.state::<Greeting>().0, request.path())
    /// }
    ///
    /// let mut app = Application::new();
    /// app.with_state(Greeting("Hello")).router().add_get("/{name}", greet);
    /// ```
    ///
    /// # Panics
    ///
    /// If the application has none: the program's mistake, answered with 500 and reported.
    /// [`try_state`](Request::try_state) does not.
    #[track_caller]
    pub fn state<T: 'static>(&self) -> &T {
        let name = type_name::<T>();
        // A closure would be where the panic says it was.
        let Some(state) = self.try_state() else {
            panic!("the application has no state of the type {name}: give it with `with_state`")
        };
        state
    }

    /// The application's value of this type, if it has one.
    pub fn try_state<T: 'static>(&self) -> Option<&T> {
        self.scope()?.state.get::<T>()?.downcast_ref()
    }

    /// The path of a named route, of the application or of one around it, its variables replaced
    /// by `parts`. (`request.app.router[name].url_for(**parts)`)
    ///
    /// # Errors
    ///
    /// No route has that name, or `parts` are not exactly its variables.
    pub fn url_for(&self, name: &str, parts: &[(&str, &str)]) -> Result<String, UrlForError> {
        let found = self.scope().and_then(|scope| scope.names.get(name));
        found.ok_or_else(|| UrlForError::unknown(name))?.fill(parts)
    }
}
