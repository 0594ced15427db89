//! `GET /openapi.json`: every path of the table, described by OpenAPI 3.1.
//!
//! Each line of [`super::paths::PATHS`] has its operation here, and the errors are those of [`super::stir::dialect`]: a line without
//! one, or one without a line, fails a test. `docs/openapi.json` is this document as it is served with the defaults.

use super::Site;
use super::paths::{Listener, PATHS, Path};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// The path before `/signing` that is described where nobody has chosen another.
const USUAL_BASE: &str = "/3gpp/v1";

pub(super) async fn answer(State(site): State<Site>) -> Response {
    let base = site.door.as_ref().map_or(USUAL_BASE, |door| &door.base);
    ([(CONTENT_TYPE, "application/json")], document(base)).into_response()
}

/// The document, with this path before `/signing` in the 3GPP dialect.
pub fn document(base: &str) -> String {
    let mut paths = Map::new();
    for line in PATHS {
        let path = line.path.replace("/{base}", base);
        let described = paths.entry(path).or_insert_with(|| json!({}));
        if let Value::Object(described) = described {
            let (method, operation) = operation(line);
            let other = described
                .get(method)
                .and_then(|other| other["tags"].as_array().cloned());
            described.insert(method.to_owned(), operation);
            // The same at two listeners.
            if let (Some(tags), Some(Value::Object(described))) = (other, described.get_mut(method))
            {
                let both = described.get_mut("tags").and_then(Value::as_array_mut);
                both.into_iter()
                    .for_each(|both| both.extend(tags.iter().cloned()));
            }
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Signing and verification of telephone calls for permitted trunks (ATIS-1000082 and 3GPP TS 24.229), \
                the certificate repository, and what operators ask. The tag of an operation is the listener that has it.",
            "license": {"name": "Apache-2.0 OR MIT"},
        },
        "paths": paths,
        "components": {"schemas": schemas(), "headers": {"X-RequestID": {
            "description": "As the request has it; made if it has none that can be repeated.",
            "schema": {"type": "string"},
        }}},
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn operation(line: &Path) -> (&'static str, Value) {
    let (method, mut operation) = match line.path {
        "/stir/v1/signing" => ("post", service("Signing", "AtisError")),
        "/stir/v1/verification" => ("post", service("Verification", "AtisError")),
        "/{base}/signing" => ("post", service("Signing", "ThreegppError")),
        "/{base}/verification" => ("post", service("Verification", "ThreegppError")),
        "/certificates/{file}" => ("get", certificate()),
        "/reload" => (
            "post",
            answers(&[(200, JSON), (403, JSON), (422, JSON), (503, JSON)]),
        ),
        "/ready" => ("get", answers(&[(200, JSON), (503, JSON)])),
        "/metrics" => ("get", answers(&[(200, "text/plain"), (404, "text/plain")])),
        _ => ("get", answers(&[(200, JSON)])),
    };
    operation["summary"] = json!(line.says);
    operation["tags"] = json!([match line.listener {
        Listener::Admin => "admin",
        Listener::Public => "public",
        Listener::Trunk => "trunk",
    }]);
    (method, operation)
}

const JSON: &str = "application/json";

/// Statuses of errors, and what each means.
const ERRORS: &[(u16, &str)] = &[
    (
        400,
        "the body or a parameter is missing or cannot be (SVC4000, SVC4001, SVC4005, SVC4006)",
    ),
    (
        403,
        "not permitted (POL4030), or the call is not signed (POL4031)",
    ),
    (404, "no such path (SVC4003)"),
    (405, "another method than POST (POL4050)"),
    (
        406,
        "the client does not take the type of the answer (SVC4002)",
    ),
    (411, "no Content-Length (SVC4007)"),
    (413, "the body is too large (POL4130)"),
    (415, "a body of another type (SVC4004)"),
    (500, "a fault of ours (POL5000)"),
];

fn service(name: &str, error: &str) -> Value {
    let schema = |kind: &str| json!({"$ref": format!("#/components/schemas/{name}{kind}")});
    let sip = json!({"schema": {"type": "string", "description": "a SIP INVITE"}});
    let headers = json!({"X-RequestID": {"$ref": "#/components/headers/X-RequestID"}});
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "done; of a verification, whatever the verdict",
            "headers": headers,
            "content": {JSON: {"schema": schema("Response")}, "message/sip": sip},
        }),
    );
    for (status, says) in ERRORS {
        let schema = json!({"$ref": format!("#/components/schemas/{error}")});
        responses.insert(
            status.to_string(),
            json!({"description": says, "headers": headers, "content": {JSON: {"schema": schema}}}),
        );
    }
    json!({
        "parameters": [{
            "name": "X-RequestID", "in": "header", "required": false, "schema": {"type": "string"},
            "description": "a name for the request; repeated if it is of at most 128 visible characters",
        }],
        "requestBody": {"required": true, "content": {
            JSON: {"schema": schema("Request")},
            "application/x-www-form-urlencoded": {"schema": {
                "type": "object", "description": "the same members, as signingRequest[orig][tn]=12025550100",
            }},
            "message/sip": sip,
        }},
        "responses": responses,
    })
}

fn certificate() -> Value {
    let pem = "application/pem-certificate-chain";
    let mut described = answers(&[(200, pem), (304, pem), (404, "text/plain")]);
    described["parameters"] =
        json!([{"name": "file", "in": "path", "required": true, "schema": {"type": "string"}}]);
    described
}

fn answers(known: &[(u16, &str)]) -> Value {
    let mut responses = Map::new();
    for (status, media) in known {
        let says = axum::http::StatusCode::from_u16(*status).ok();
        let says = says
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        responses.insert(
            status.to_string(),
            json!({"description": says, "content": {*media: {}}}),
        );
    }
    json!({"responses": responses})
}

fn schemas() -> Value {
    let tn = json!({"type": "string", "pattern": "^\\+?[0-9*#.()-]*[0-9*#][0-9*#.()-]*$", "maxLength": 64,
        "description": "a telephone number of up to 15 digits; separators are dropped"});
    let uri = json!({"type": "string", "maxLength": 256, "description": "a sip, sips or tel URI"});
    let party = json!({"type": "object", "properties": {"tn": tn, "uri": uri},
        "oneOf": [{"required": ["tn"]}, {"required": ["uri"]}]});
    let list = |of: &Value| json!({"type": "array", "items": of, "minItems": 1, "maxItems": 64});
    let called = json!({"type": "object", "properties": {"tn": list(&tn), "uri": list(&uri)},
        "anyOf": [{"required": ["tn"]}, {"required": ["uri"]}]});
    let either = |of: &Value| json!({"oneOf": [of, list(of)]});
    let verified = json!({"type": "object", "properties": {"tn": either(&tn), "uri": either(&uri)},
        "anyOf": [{"required": ["tn"]}, {"required": ["uri"]}]});
    let time = json!({"type": "integer", "minimum": 1, "maximum": i64::MAX});
    let text = json!({"type": "string"});
    let echo = json!({"type": "string", "maxLength": 256});
    let verstat = json!({"type": "string", "description": "TN-Validation-Passed, TN-Validation-Failed or No-TN-Validation; with \
        -A, -B or -C behind the first where the trunk says so"});
    json!({
        "SigningRequest": object("signingRequest", json!({
            "attest": {"enum": ["A", "B", "C"]}, "orig": party, "dest": called, "iat": time, "ppt": {"enum": ["shaken", "div", "rph", "rcd"]},
            "div": object_of(json!({"tn": tn, "uri": uri, "hi": text}), &[]), "sph": {"enum": ["psap-callback"]},
            "rph": object_of(json!({"auth": {"type": "array", "items": text, "minItems": 1, "maxItems": 16}}), &["auth"]),
            "origid": {"type": "string", "format": "uuid"}, "requestId": echo,
        }), &["orig", "dest", "iat"]),
        "SigningResponse": object("signingResponse", json!({
            "identity": text, "identityHeader": text, "requestId": text,
        }), &[]),
        "VerificationRequest": object("verificationRequest", json!({
            "from": party, "to": verified, "dest": verified, "time": time, "identity": text, "identityHeader": text,
            "identityHeaders": {"type": "array", "items": text, "maxItems": 32}, "requestId": echo, "displayName": echo,
            "protectedHeaders": {"type": "array", "items": text, "maxItems": 16,
                "description": "headers of the request, such as \"Resource-Priority: esnet.1\""},
        }), &["from", "to", "time"]),
        "VerificationResponse": object("verificationResponse", json!({
            "verstat": verstat, "reasoncode": {"type": "integer"}, "reasontext": text, "reasondesc": text,
            "verstatPriority": {"enum": ["RPH-Validation-Passed", "RPH-Validation-Failed", "No-RPH-Validation"]},
            "divResult": {"type": "array", "items": object_of(json!({
                "div": object_of(json!({"tn": text, "uri": text, "hi": text}), &[]), "verstatValue": verstat,
            }), &["div", "verstatValue"])},
            "verstatValue": verstat, "verifyResults": {"type": "array", "items": object("verifyResult", json!({
                "ppt": text, "status": {"enum": ["pass", "fail"]}, "reasonCode": {"type": "integer"}, "reasonText": text,
                "reasonDescription": text, "passport": text, "validClaims": {"type": "object"},
            }), &["ppt", "status"])}, "requestId": text, "displayName": text,
        }), &[]),
        "AtisError": object("requestError", json!({
            "serviceException": {"$ref": "#/components/schemas/Exception"},
            "policyException": {"$ref": "#/components/schemas/Exception"},
        }), &[]),
        "Exception": {"type": "object", "required": ["messageId", "text", "variables"], "properties": {
            "messageId": {"type": "string", "pattern": "^(SVC|POL)[0-9]{4}$"}, "text": text,
            "variables": {"type": "array", "items": text},
        }},
        "ThreegppError": {"type": "object", "required": ["error"], "properties": {"error": text}},
    })
}

fn object_of(properties: Value, required: &[&str]) -> Value {
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// An object with one member, which has these.
fn object(name: &str, properties: Value, required: &[&str]) -> Value {
    let inside = object_of(properties, required);
    json!({"type": "object", "required": [name], "properties": {name: inside}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::stir::dialect::Defect;

    #[test]
    fn every_error_is_described() {
        for defect in Defect::examples() {
            let status = defect.status().as_u16();
            assert!(
                ERRORS.iter().any(|(known, _)| *known == status),
                "{defect:?}"
            );
        }
    }

    #[test]
    fn the_document_is_the_one_in_the_manual() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let document = document(USUAL_BASE);
        if std::env::var_os("COUNTERSIGN_WRITE_SNAPSHOTS").is_some() {
            std::fs::write(path, &document).unwrap();
        }
        let known = std::fs::read_to_string(path).unwrap();
        let how = "COUNTERSIGN_WRITE_SNAPSHOTS=1 cargo test -p countersign-server openapi writes docs/openapi.json anew";
        assert!(
            known == document,
            "the interface is another than docs/openapi.json says; {how}"
        );
    }
}
