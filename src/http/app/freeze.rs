//! From an application that is added to, to one that is served.

use std::io;
use std::rc::Rc;

use super::Application;
use super::hooks::{Hooks, Prepare};
use super::middleware::Link;
use super::routes::Planned;
use super::scope::{AppContext, Scope};
use super::served::{App, Target};

/// What an application has around it.
#[derive(Clone, Default)]
struct Around {
    prefix: String,
    scope: Option<Rc<Scope>>,
    chain: Rc<[Link]>,
    prepare: Rc<[Prepare]>,
}

impl Application {
    /// Whether every route is in order, those of nested applications too.
    pub(super) fn check(&mut self) -> io::Result<()> {
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        self.routes.check().map_err(wrong)?;
        self.nested().try_for_each(Application::check)
    }

    fn nested(&mut self) -> impl Iterator<Item = &mut Application> {
        let mounted = self.routes.0.handlers_mut().filter_map(|planned| match planned {
            Planned::App(app) => Some(&mut **app),
            Planned::Handler(_) => None,
        });
        mounted.chain(self.domains.iter_mut().map(|(_, app)| app))
    }

    /// The hooks of this application and then those of the nested ones, each with what they are
    /// given.
    pub(super) fn take_hooks(&mut self, taken: &mut Vec<(AppContext, Hooks)>) {
        taken.push((self.context.clone(), std::mem::take(&mut self.hooks)));
        self.nested().for_each(|app| app.take_hooks(taken));
    }

    /// The application as it is served. What is in its context now is its state for good.
    pub(super) fn freeze(self) -> Rc<App> {
        self.freeze_within(&Around::default())
    }

    fn freeze_within(mut self, around: &Around) -> Rc<App> {
        let mut router = std::mem::take(&mut self.routes.0);
        router.prefix_patterns(&around.prefix);
        let scope = Scope::within(around.scope.as_deref(), &self.context, router.named());
        let scope = Some(scope).filter(|scope| !scope.is_empty()).map(Rc::new);
        let own = self.middlewares.into_iter();
        let own = own.map(|middleware| Link { scope: scope.clone(), middleware });
        let within = Around {
            prefix: String::new(),
            scope: scope.clone(),
            chain: around.chain.iter().cloned().chain(own).collect(),
            prepare: around.prepare.iter().cloned().chain(self.prepare).collect(),
        };
        let domains = self.domains.into_iter().map(|(domain, app)| {
            let around = Around { prefix: around.prefix.clone(), ..within.clone() };
            (domain, app.freeze_within(&around))
        });
        let domains: Vec<_> = domains.collect();
        let is_of_all_hosts = domains.is_empty();
        let router = router.map(|prefix, planned| match planned {
            Planned::Handler(handler) => Target::Handler(handler),
            Planned::App(app) => {
                let prefix = prefix.trim_end_matches('/').to_owned();
                Target::App(app.freeze_within(&Around { prefix, ..within.clone() }))
            }
        });
        Rc::new(App {
            router,
            is_bare: within.chain.is_empty() && within.prepare.is_empty() && is_of_all_hosts,
            domains,
            fallback: self.fallback,
            scope,
            chain: within.chain,
            prepare: within.prepare,
        })
    }
}
