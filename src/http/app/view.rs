//! Views: a type whose methods answer the methods of one path.

use std::any::TypeId;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::routes::Routes;
use crate::http::Request;
use crate::http::server::handler::Answer;

/// A type that answers what is asked of one path, each method of HTTP by its own.
/// [`Routes::add_view`] adds one. (`aiohttp.web.View`)
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use evloop::web::{Application, BodyError, Request, View};
///
/// #[derive(Default)]
/// struct Counter(Cell<u64>);
///
/// impl View for Counter {
///     type Answer = Result<String, BodyError>;
///
///     async fn get(self: Rc<Self>, _: Request) -> Self::Answer {
///         Ok(self.0.get().to_string())
///     }
///
///     async fn post(self: Rc<Self>, request: Request) -> Self::Answer {
///         self.0.set(self.0.get() + request.text().await?.len() as u64);
///         Ok(self.0.get().to_string())
///     }
/// }
///
/// let mut app = Application::new();
/// app.router().add_view("/counter", Counter::default());
/// ```
///
/// What it does not have is answered 405, with what it has in `Allow`: for every such method is a
/// route of its own. So `get` answers HEAD too, where `head` is not there.
///
/// # Unlike aiohttp
///
/// There is one of it for all requests, not one for each: it holds what they share, and the request
/// is an argument.
pub trait View: Sized + 'static {
    /// What its methods return.
    type Answer: Answer + 'static;

    /// Answers GET, and HEAD.
    fn get(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }

    /// Answers POST.
    fn post(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }

    /// Answers PUT.
    fn put(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }

    /// Answers PATCH.
    fn patch(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }

    /// Answers DELETE.
    fn delete(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }

    /// Answers HEAD, in the place of [`get`](View::get).
    fn head(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }

    /// Answers OPTIONS.
    fn options(self: Rc<Self>, _: Request) -> impl Future<Output = Self::Answer> {
        Missing(PhantomData)
    }
}

/// What a method gives that a view does not have: by this type it is known, and never becomes a
/// route.
struct Missing<A>(PhantomData<A>);

impl<A> Future for Missing<A> {
    type Output = A;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<A> {
        Poll::Pending
    }
}

/// Whether a view has this method.
fn has<V: View, F: 'static>(_: fn(Rc<V>, Request) -> F) -> bool {
    TypeId::of::<F>() != TypeId::of::<Missing<V::Answer>>()
}

impl Routes {
    /// Answers `path` with the methods that `view` has. (`router.add_view`)
    ///
    /// One without any is an error of the route.
    pub fn add_view<V: View>(&mut self, path: &str, view: V) -> &mut Self {
        let (view, mut any) = (Rc::new(view), false);
        macro_rules! add {
            ($($method:ident $add:ident),*) => {
                $(if has(V::$method) {
                    let view = view.clone();
                    self.$add(path, move |request| view.clone().$method(request));
                    any = true;
                })*
            };
        }
        add!(get add_get, post add_post, put add_put, patch add_patch, delete add_delete);
        add!(head add_head, options add_options);
        if !any {
            self.0.refuse(format!("the view for {path:?} has no method: it wants get, or post, …"));
        }
        self
    }
}
