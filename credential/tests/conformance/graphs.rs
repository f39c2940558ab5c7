//! Graphs that are made to be hard to canonicalize.

use serde_json::{Value, json};

use crate::parties::{credential, issued, with};

fn nested(width: usize, inner: &Value) -> Value {
    json!({ "own": vec![inner.clone(); width] })
}

async fn outcome(subject: Value) -> String {
    let own = json!({ "own": { "@id": "https://example.org/#own", "@type": "@id" } });
    let context = json!(["https://www.w3.org/ns/credentials/v2", own]);
    let change = json!({ "@context": context, "credentialSubject": subject });
    issued(&with(credential(), change)).await.map_or_else(|error| error.to_string(), |_| "".into())
}

#[tokio::test]
async fn objects_that_look_alike_are_bounded() {
    let leaf = json!({ "name": "x" });
    assert_eq!(outcome(nested(70, &leaf)).await, "");
    assert_eq!(outcome(nested(2, &nested(3, &leaf))).await, "");
    // Many equal things inside equal things take factorial time.
    let refused = "credential: has too many blank nodes that look alike";
    assert_eq!(outcome(nested(2, &nested(12, &leaf))).await, refused);
    assert_eq!(outcome(nested(4, &nested(4, &nested(4, &nested(4, &leaf))))).await, refused);
    // Things that differ may be many.
    let distinct: Vec<Value> = (0..300).map(|name| json!({ "name": name.to_string() })).collect();
    assert_eq!(outcome(json!({ "own": distinct })).await, "");
}
