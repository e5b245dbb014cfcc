//! The one list of routes: from it come the router, who may call what, and the description in OpenAPI.

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use eddy_store::Role;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::app::App;

/// Who may call a route. There is no default: a route without one cannot be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody, without logging in.
    Public,
    /// Somebody who is logged in, or shows a token, with at least this role.
    Role(Role),
    /// The same, and programs on this machine without either, where the configuration lets them
    /// (`compatibility.open_to_this_machine`) and no reverse proxy stands between.
    Local(Role),
}

/// How much a request asks of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Little: it may be sent as often as somebody likes.
    Little,
    /// Much: so many a minute are taken of each client.
    Much,
    /// Much where the body is more than a few records.
    MuchIfLarge,
}

/// Makes the JSON schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Value;

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// What a route takes or gives.
#[derive(Clone)]
pub(crate) enum Content {
    /// JSON of a type.
    Json(SchemaOf),
    /// Something else, by its media types.
    Other(&'static [&'static str]),
    /// JSON of a type, or something else.
    JsonOr(SchemaOf, &'static [&'static str]),
}

/// A parameter of the query.
#[derive(Clone, Copy)]
pub(crate) struct Param {
    /// Name.
    pub(crate) name: &'static str,
    /// JSON type.
    pub(crate) kind: &'static str,
    /// What it is, in a sentence.
    pub(crate) about: &'static str,
}

/// Where a list goes on, and how many items are wanted.
pub(crate) const PAGE: &[Param] = &[
    Param { name: "cursor", kind: "string", about: "What the page before named as `next`." },
    Param { name: "limit", kind: "integer", about: "Most items, 1 to 1000; 50 unless given." },
];

/// A route.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) cost: Cost,
    pub(crate) group: &'static str,
    pub(crate) about: &'static str,
    pub(crate) query: Vec<Param>,
    pub(crate) takes: Option<Content>,
    pub(crate) gives: Vec<(u16, &'static str, Option<Content>)>,
    pub(crate) handler: MethodRouter<Arc<App>>,
}

impl Route {
    pub(crate) fn new<H, T>(
        method: Method,
        path: &'static str,
        access: Access,
        group: &'static str,
        about: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
        Self {
            method,
            path,
            access,
            cost: Cost::Little,
            group,
            about,
            query: Vec::new(),
            takes: None,
            gives: Vec::new(),
            handler: on(filter, handler),
        }
    }

    pub(crate) fn query(mut self, params: &[Param]) -> Self {
        self.query.extend_from_slice(params);
        self
    }

    pub(crate) fn costly(self) -> Self {
        Self { cost: Cost::Much, ..self }
    }

    pub(crate) fn costly_if_large(self) -> Self {
        Self { cost: Cost::MuchIfLarge, ..self }
    }

    pub(crate) fn takes_or<T: JsonSchema>(self, types: &'static [&'static str]) -> Self {
        Self { takes: Some(Content::JsonOr(schema_of::<T>, types)), ..self }
    }

    pub(crate) fn gives_or<T: JsonSchema>(
        mut self,
        status: u16,
        about: &'static str,
        types: &'static [&'static str],
    ) -> Self {
        self.gives.push((status, about, Some(Content::JsonOr(schema_of::<T>, types))));
        self
    }

    pub(crate) fn takes<T: JsonSchema>(self) -> Self {
        Self { takes: Some(Content::Json(schema_of::<T>)), ..self }
    }

    pub(crate) fn takes_other(self, types: &'static [&'static str]) -> Self {
        Self { takes: Some(Content::Other(types)), ..self }
    }

    pub(crate) fn gives<T: JsonSchema>(mut self, status: u16, about: &'static str) -> Self {
        self.gives.push((status, about, Some(Content::Json(schema_of::<T>))));
        self
    }

    pub(crate) fn gives_other(
        mut self,
        status: u16,
        about: &'static str,
        types: &'static [&'static str],
    ) -> Self {
        self.gives.push((status, about, Some(Content::Other(types))));
        self
    }

    pub(crate) fn gives_nothing(mut self, status: u16, about: &'static str) -> Self {
        self.gives.push((status, about, None));
        self
    }
}
