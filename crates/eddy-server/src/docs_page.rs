//! The description of the API as a page that people can read.

use std::fmt::Write as _;

use eddy_report::escaped_text;
use serde_json::Value;

use crate::openapi::{openapi, role_in_words};
use crate::route::Route;

/// The routes as a page without any script.
pub(crate) fn docs_page(routes: &[Route]) -> String {
    let mut text = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Eddy: API</title><link rel=stylesheet href=/api/v1/docs.css><main><h1>Eddy's API</h1>\
         <p>The same for programs: <a href=/api/v1/openapi.json>openapi.json</a> (OpenAPI 3.1). \
         Every error is a problem of RFC 9457: <code>type</code>, <code>title</code>, <code>status</code>, \
         <code>detail</code>. Programs show a token: <code>Authorization: Bearer eddy_...</code>. Lists come in pages: \
         send <code>next</code> of one page as <code>cursor</code> for the next.</p>",
    );
    let about = openapi(routes);
    let mut groups: Vec<&str> = routes.iter().map(|route| route.group).collect();
    groups.dedup();
    for (at, group) in groups.iter().enumerate() {
        if groups[..at].contains(group) {
            continue;
        }
        let _ = write!(text, "<h2>{}</h2><dl>", escaped_text(group));
        for route in routes.iter().filter(|route| route.group == *group) {
            let _ = write!(
                text,
                "<dt><code><b>{}</b> {}</code> <small>{}</small></dt><dd>{}",
                route.method,
                escaped_text(route.path),
                role_in_words(route.access),
                prose(route.about)
            );
            for param in &route.query {
                let _ = write!(text, "<br><code>?{}</code> {}", param.name, prose(param.about));
            }
            let operation = &about["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
            contents(&mut text, "Body", &operation["requestBody"]["content"], &about);
            for (status, gives, _) in &route.gives {
                let content = &operation["responses"][status.to_string()]["content"];
                contents(&mut text, &format!("{status} {}", prose(gives)), content, &about);
            }
            text.push_str("</dd>");
        }
        text.push_str("</dl>");
    }
    text.push_str("</main></html>");
    text
}

/// Objects within objects are shown so deep.
const DEEPEST: usize = 2;

/// Text with what stands between backticks as code.
fn prose(text: &str) -> String {
    let parts = escaped_text(text);
    let pieces = parts.split('`').enumerate();
    pieces
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

/// A body or an answer: its media types, and the fields of what is JSON.
fn contents(text: &mut String, title: &str, content: &Value, about: &Value) {
    let media: Vec<&str> =
        content.as_object().into_iter().flatten().map(|(media, _)| media.as_str()).collect();
    let schema = &content["application/json"]["schema"];
    let kind = if schema.is_null() { media.join(", ") } else { kind_of(schema) };
    let _ = write!(text, "<details><summary>{title} <small>{}</small></summary>", escaped_text(&kind));
    fields(text, schema, about, DEEPEST);
    text.push_str("</details>");
}

/// What a reference leads to; anything else is itself.
fn followed<'a>(schema: &'a Value, about: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|path| about.pointer(path.strip_prefix('#')?));
    target.unwrap_or(schema)
}

/// The fields of an object, of the items of a list, or of each of several forms.
fn fields(text: &mut String, schema: &Value, about: &Value, deep: usize) {
    let schema = followed(schema, about);
    let schema = if schema["items"].is_object() { followed(&schema["items"], about) } else { schema };
    for form in ["anyOf", "oneOf", "allOf"] {
        for one in schema[form].as_array().into_iter().flatten() {
            let kind = kind_of(one);
            let _ = write!(text, "<p><small>{}</small></p>", escaped_text(&kind));
            fields(text, one, about, deep);
        }
    }
    let Some(properties) = schema["properties"].as_object() else { return };
    text.push_str("<ul>");
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, of) in properties {
        let _ = write!(
            text,
            "<li><code>{}</code> <small>{}{}</small> {}",
            escaped_text(name),
            escaped_text(&kind_of(of)),
            if required(name) { "" } else { ", may be absent" },
            prose(of["description"].as_str().unwrap_or_default())
        );
        if deep > 0 {
            fields(text, of, about, deep - 1);
        }
        text.push_str("</li>");
    }
    text.push_str("</ul>");
}

/// The type of a value in a few words.
fn kind_of(schema: &Value) -> String {
    let several = |forms: &Value| {
        forms.as_array().map(|forms| forms.iter().map(kind_of).collect::<Vec<_>>().join(" or "))
    };
    if let Some(path) = schema["$ref"].as_str() {
        return path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("\"{word}\"");
    }
    if let Some(kind) = several(&schema["anyOf"]).or_else(|| several(&schema["oneOf"])) {
        return kind;
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", kind_of(&schema["items"])),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

/// The style of the page.
pub(crate) const DOCS_STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}\
main{max-width:56rem;margin:0 auto;padding:1.5rem}\
code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}\
dt{margin-top:.9rem}dd{margin:0 0 0 1.2rem;opacity:.85}small{opacity:.7}h2{margin-top:2.2rem}";
