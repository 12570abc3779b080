//! JSON and typed forms and queries: serde's types, both ways.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use super::pairs::Pairs;
use super::{ExtractError, media_type};
use crate::http::{HeaderValue, Request, Response, header, query};

const JSON: &str = "application/json";

impl Request {
    /// The body, from JSON. (`await request.json()`)
    ///
    /// ```
    /// use evloop::web::{ExtractError, Request, Response};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Deserialize, Serialize)]
    /// struct Point { x: i32, y: i32 }
    ///
    /// async fn mirror(request: Request) -> Result<Response, ExtractError> {
    ///     let Point { x, y } = request.json().await?;
    ///     Ok(Response::json(&Point { x: y, y: x }))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The content type is neither `application/json` nor `application/…+json` (415, where
    /// aiohttp 4 answers 400); the body is no JSON (400), or not of the form that `T` wants (422).
    /// And as [`text`](Request::text).
    ///
    /// # Cancel safety
    ///
    /// As [`text`](Request::text).
    pub async fn json<T: DeserializeOwned>(&self) -> Result<T, ExtractError> {
        let got = self.header("content-type").unwrap_or_default();
        if !is_json(media_type(got)) {
            return Err(ExtractError::ContentType { wanted: JSON, got: media_type(got).into() });
        }
        let text = self.text().await?;
        serde_json::from_str(&text).map_err(|error| match error.classify() {
            Category::Data => ExtractError::Shape(error.to_string()),
            _ => ExtractError::Syntax(error.to_string()),
        })
    }

    /// The form that is the body, as a type.
    ///
    /// ```
    /// # use evloop::web::{ExtractError, Request};
    /// #[derive(serde::Deserialize)]
    /// struct Login { name: String, remember: Option<bool> }
    ///
    /// async fn login(request: Request) -> Result<String, ExtractError> {
    ///     let login: Login = request.form().await?;
    ///     Ok(format!("{} {:?}", login.name, login.remember))
    /// }
    /// ```
    ///
    /// Fields that come several times are a `Vec`; one that is empty is `None` where an `Option`
    /// is asked for, as browsers send every field; `on`, `1` and `true` are true.
    ///
    /// # Errors
    ///
    /// As [`post`](Request::post); or the fields are not those that `T` wants (422).
    ///
    /// # Cancel safety
    ///
    /// As [`text`](Request::text).
    pub async fn form<T: DeserializeOwned>(&self) -> Result<T, ExtractError> {
        let text = self.form_text().await?;
        T::deserialize(Pairs::new(query::pairs(&text)))
            .map_err(|error| ExtractError::Shape(error.to_string()))
    }

    /// The query, as a type.
    ///
    /// ```
    /// # use evloop::web::{ExtractError, Request};
    /// #[derive(serde::Deserialize)]
    /// struct Page { number: u32, tag: Vec<String> }
    ///
    /// async fn list(request: Request) -> Result<String, ExtractError> {
    ///     let page: Page = request.query_as()?; // ?number=2&tag=a&tag=b
    ///     Ok(format!("{} {:?}", page.number, page.tag))
    /// }
    /// ```
    ///
    /// What is said of [`form`](Request::form)'s fields is true here.
    ///
    /// # Errors
    ///
    /// The pairs are not those that `T` wants, or more than
    /// [`Limits::form_fields`](crate::http::Limits::form_fields) (400).
    pub fn query_as<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ExtractError> {
        let limit = self.form_fields();
        if query::exceeds(self.raw_query_string(), limit) {
            return Err(ExtractError::Query(format!("it has more than {limit} pairs")));
        }
        T::deserialize(Pairs::new(self.query()))
            .map_err(|error| ExtractError::Query(error.to_string()))
    }
}

impl Response {
    /// JSON: `application/json`. (`web.json_response`)
    ///
    /// A value that has no JSON, as a map whose keys are not text, makes a response that cannot be
    /// sent: [`check`](Response::check).
    ///
    /// # Unlike aiohttp
    ///
    /// No `charset` is said: JSON has none (RFC 8259 §11).
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Response {
        match serde_json::to_vec(value) {
            Ok(bytes) => {
                let json = HeaderValue::from_static(JSON);
                Response::bytes(bytes).header(header::CONTENT_TYPE, json)
            }
            Err(error) => Response::faulty(format_args!("the value has no JSON: {error}")),
        }
    }
}

/// As aiohttp has it: the type itself, or a type that is written in it (RFC 6839 §3.1).
fn is_json(media_type: &str) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    media_type == JSON
        || media_type.strip_prefix("application/").is_some_and(|name| name.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn types_that_are_written_in_json_are_json() {
        for yes in ["application/json", "Application/JSON", "application/problem+json"] {
            assert!(is_json(yes), "{yes}");
        }
        for no in ["", "text/json", "application/jsonp", "application/json5"] {
            assert!(!is_json(no), "{no}");
        }
    }

    #[test]
    fn a_value_without_json_makes_a_response_that_is_not_sent() {
        let response = Response::json(&HashMap::from([("a", 1)]));
        assert_eq!(response.body(), br#"{"a":1}"#);
        assert_eq!(response.get("content-type").unwrap(), "application/json");
        let keys_are_lists = HashMap::from([(vec![1], 1)]);
        assert!(Response::json(&keys_are_lists).check().is_err());
    }
}
