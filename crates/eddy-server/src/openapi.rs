//! The routes as OpenAPI 3.1.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::problem::InJson;
use crate::route::{Access, Content, Cost, Route, SchemaOf};

/// The description of the API.
pub(crate) fn openapi(routes: &[Route]) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|s| s.definitions_path = "/components/schemas".into())
        .into_generator();
    let problem = generator.subschema_for::<InJson>().to_value();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let mut of = |schema: SchemaOf| schema(&mut generator);
        let operation = operation(route, &problem, &mut of);
        let path = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Eddy",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Finds what is unusual in network traffic, says why, and says what to do about it. Every \
                error is a problem of RFC 9457. Lists come in pages: send `next` of one as `cursor` for the next. Times \
                ending in `_ms` and `_ns` are milliseconds and nanoseconds since 1970-01-01T00:00:00Z.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" }
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token made under /api/v1/tokens." },
                "session": { "type": "apiKey", "in": "cookie", "name": "eddy_session",
                    "description": "A session begun with POST /api/v1/session; `__Host-eddy_session` under TLS. \
                        Methods that change something also need the header `x-eddy-csrf`." }
            }
        }
    })
}

fn operation(route: &Route, problem: &Value, of: &mut dyn FnMut(SchemaOf) -> Value) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(|param| {
        json!({ "name": param.name, "in": "query", "required": false, "description": param.about,
            "schema": { "type": param.kind } })
    }));
    let mut content_of = |content: &Content| -> Value {
        let (schema, types): (Option<SchemaOf>, &[&str]) = match content {
            Content::Json(schema) => (Some(*schema), &[]),
            Content::Other(types) => (None, types),
            Content::JsonOr(schema, types) => (Some(*schema), types),
        };
        let json = schema.map(|schema| ("application/json".to_owned(), json!({ "schema": of(schema) })));
        let others = types.iter().map(|media| ((*media).to_owned(), media_schema(media)));
        json.into_iter().chain(others).collect::<Map<_, _>>().into()
    };
    let mut replies = Map::new();
    for (status, about, content) in &route.gives {
        let mut reply = json!({ "description": about });
        if let Some(content) = content {
            reply["content"] = content_of(content);
        }
        replies.insert(status.to_string(), reply);
    }
    replies.insert(
        "default".into(),
        json!({ "description": "What went wrong", "content": { "application/problem+json": { "schema": problem } } }),
    );
    let mut operation = json!({
        "tags": [route.group],
        "summary": route.about,
        "operationId": operation_id(route),
        "parameters": parameters,
        "responses": replies,
        "security": match route.access {
            Access::Public => json!([]),
            Access::Role(_) => json!([{ "token": [] }, { "session": [] }]),
            Access::Local(_) => json!([{}, { "token": [] }, { "session": [] }]),
        },
        "x-role": role_in_words(route.access),
    });
    if route.cost != Cost::Little {
        operation["responses"]["429"] = json!({
            "description": "More often than `limits.costly_at_once` and `limits.costly_per_minute` allow",
            "headers": { "Retry-After": { "schema": { "type": "integer" }, "description": "Seconds to wait." } },
            "content": { "application/problem+json": { "schema": problem } }
        });
    }
    if let Some(takes) = &route.takes {
        operation["requestBody"] = json!({ "required": true, "content": content_of(takes) });
    }
    operation
}

fn media_schema(media: &str) -> Value {
    match media {
        "multipart/form-data" => json!({ "schema": {
            "type": "object", "required": ["file"],
            "properties": { "file": { "type": "string", "contentMediaType": "application/octet-stream" } } } }),
        _ => json!({}),
    }
}

fn operation_id(route: &Route) -> String {
    let method = route.method.as_str().to_ascii_lowercase();
    let rest = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
    let parts: Vec<&str> = rest
        .split(['/', '.'])
        .filter(|part| !part.is_empty())
        .map(|part| part.trim_matches(['{', '}']))
        .collect();
    match (route.path, parts.as_slice()) {
        ("/", _) => format!("{method}_home"),
        (_, []) => format!("{method}_index"),
        (_, parts) => format!("{method}_{}", parts.join("_")),
    }
}

pub(crate) fn role_in_words(access: Access) -> String {
    match access {
        Access::Public => "anybody".into(),
        Access::Role(role) => format!("{role:?}").to_lowercase(),
        Access::Local(role) => format!("{} or a program on this machine", format!("{role:?}").to_lowercase()),
    }
}
