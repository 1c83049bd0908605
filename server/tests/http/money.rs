//! Money over HTTP: files of receipts and tables, and the gateway's own call.

use crate::node::Node;
use reqwest::{StatusCode, header};

#[tokio::test(flavor = "multi_thread")]
async fn files_are_for_their_owner_only() {
    let node = Node::start().await;
    let ben = node.account("Ben").await;
    let stranger = node.client();
    let nobodys = "/consultations/00000000-0000-7000-8000-000000000000/receipt.json";
    for path in ["/wallet/statement.csv", "/earnings.csv", nobodys] {
        assert_eq!(stranger.page(path).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(ben.page(nobodys).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ben.page("/consultations/x/receipt.json").await.0, StatusCode::NOT_FOUND);
    let (status, table) = ben.page("/wallet/statement.csv").await;
    assert_eq!(status, StatusCode::OK);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 2 && lines[1].contains(",top_up,,100.00,0.00,EUR,test:EUR,"), "{table}");
    assert_eq!(ben.page("/earnings.csv").await.1.lines().count(), 1);
    for path in ["/wallet", "/earnings", "/operator/cases"] {
        assert_eq!(stranger.page(path).await.0, StatusCode::FOUND, "{path} leads to signing in");
    }
    let (status, html) = stranger.page("/trust").await;
    assert!(status == StatusCode::OK && html.contains("What anybody can check here"), "{html}");
    let (_, html) = ben.page("/wallet").await;
    assert!(html.contains("€100.00") && html.contains("Test credit: no money here is real."), "{html}");
    let (_, html) = ben.page("/operator/cases").await;
    assert!(html.contains("There is no such thing, or it is not yours."), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_is_not_believed() {
    let node = Node::start().await;
    let client = node.client();
    let post = |kind: &'static str, body: Vec<u8>| {
        let call = client.http.post(node.url("/gateway/webhook")).header(header::CONTENT_TYPE, kind);
        call.header("stripe-signature", "t=1,v1=00").body(body).send()
    };
    let forged = br#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"object":"checkout.session","id":"cs_1"}}}"#;
    for body in [forged.to_vec(), vec![], vec![b'x'; 10_000]] {
        assert_eq!(post("application/json", body).await.unwrap().status(), StatusCode::BAD_REQUEST);
    }
    // More than it takes is refused, or cut off before it was sent.
    let large = post("application/json", vec![b'x'; 300_000]).await;
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(client.page("/gateway/webhook").await.0, StatusCode::METHOD_NOT_ALLOWED);
}
