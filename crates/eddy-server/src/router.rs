//! From the list of routes to a service.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::middleware::from_fn_with_state;

use crate::access::guard;
use crate::app::App;
use crate::route::{Access, Route};
use crate::{api, compat, dashboard};

/// Who may call what.
pub(crate) struct Table {
    access: HashMap<&'static str, Vec<(Method, Access)>>,
}

impl Table {
    pub(crate) fn new(routes: &[Route]) -> Self {
        let mut access: HashMap<&'static str, Vec<(Method, Access)>> = HashMap::new();
        for route in routes {
            access.entry(route.path).or_default().push((route.method.clone(), route.access));
        }
        Self { access }
    }

    /// Who may call a route; none when it is not on the table.
    pub(crate) fn access(&self, method: &Method, path: &str) -> Option<Access> {
        self.access.get(path)?.iter().find(|(one, _)| one == method).map(|(_, access)| *access)
    }

    /// The methods of a path.
    pub(crate) fn methods(&self, path: &str) -> String {
        let known = self.access.get(path).into_iter().flatten();
        let mut methods: Vec<&str> = known.map(|(method, _)| method.as_str()).collect();
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
