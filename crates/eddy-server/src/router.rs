//! From the list of routes to a service.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;

use crate::access::guard;
use crate::app::App;
use crate::route::{Access, Cost, Route};
use crate::{api, compat, dashboard};

/// Who may call what, and what it costs.
pub(crate) struct Table {
    routes: HashMap<&'static str, Vec<(Method, Access, Cost)>>,
}

impl Table {
    pub(crate) fn new(routes: &[Route]) -> Self {
        let mut known: HashMap<&'static str, Vec<(Method, Access, Cost)>> = HashMap::new();
        for route in routes {
            known.entry(route.path).or_default().push((route.method.clone(), route.access, route.cost));
        }
        Self { routes: known }
    }

    /// Who may call a route, and what it costs; none when it is not on the table.
    pub(crate) fn entry(&self, method: &Method, path: &str) -> Option<(Access, Cost)> {
        let (_, access, cost) = self.routes.get(path)?.iter().find(|(one, ..)| one == method)?;
        Some((*access, *cost))
    }

    /// The methods of a path.
    pub(crate) fn methods(&self, path: &str) -> String {
        let known = self.routes.get(path).into_iter().flatten();
        let mut methods: Vec<&str> = known.map(|(method, ..)| method.as_str()).collect();
        methods.sort_unstable();
        methods.join(", ")
    }
}

/// All routes, in the order of the documentation.
pub(crate) fn routes(compatible: bool) -> Vec<Route> {
    let mut routes = api::routes();
    routes.extend(dashboard::routes());
    if compatible {
        routes.extend(compat::routes());
    }
    routes
}

/// The whole service.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let routes = routes(app.config().compatibility.enabled);
    let table = Arc::new(Table::new(&routes));
    let mut router = Router::new();
    for route in routes {
        router = router.route(route.path, route.handler);
    }
    router
        .fallback(api::nothing)
        .layer(axum::extract::DefaultBodyLimit::disable())
        .layer(from_fn_with_state((app.clone(), table), guard))
        .with_state(app.clone())
}
