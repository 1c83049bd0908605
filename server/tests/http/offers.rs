//! Offers over HTTP, with and without JavaScript.

use crate::node::{Node, location, offer_fields};
use reqwest::StatusCode;

fn fields<'a>(all: &'a [(&'static str, String)], changed: &[(&'static str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = all.iter().map(|(k, v)| (*k, v.as_str())).filter(|(k, _)| !changed.iter().any(|(c, _)| c == k));
    kept.chain(changed.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_form_comes_back_with_everything_typed() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    let sound = offer_fields("Spanish <b>conversation</b> & \"tea\"");
    let back = location(&ana.form("/offers/new", "offers/register", &fields(&sound, &[("rate_minor", "a lot"), ("category", "")])).await);
    assert!(back.starts_with("/offers/new?rejected="), "{back}");
    let (status, page) = ana.page(&back).await;
    assert_eq!(status, 200);
    assert!(page.contains("Spanish &lt;b&gt;conversation&lt;/b&gt;"), "the title is kept, as text");
    assert!(page.contains("At your level."), "so is the description");
    assert!(page.contains("Choose a category.") && page.contains("Enter an amount of this currency"), "each wrong field is told");
    assert!(!page.contains("<b>conversation</b>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_on_the_way_loses_nothing() {
    let node = Node::start().await;
    node.account("Ana").await;
    let back = location(&node.client().form("/offers/new", "offers/register", &fields(&offer_fields("Kept title"), &[])).await);
    assert!(back.starts_with("/sign-in?next=%2Foffers%2Fnew%3Frejected%3D"), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_taken_in_both_forms() {
    let node = Node::start().await;
    let ana = node.account("Ana").await;
    let base: Vec<_> = offer_fields("Lists").into_iter().filter(|(k, _)| !k.starts_with("media") && *k != "languages").collect();
    for lists in [
        vec![("media", "chat,video"), ("languages", "en, pt-br")],
        vec![("media[]", "chat"), ("media[]", "video"), ("languages[]", "en"), ("languages[]", "pt-BR")],
    ] {
        let (status, json) = ana.api("offers/register", &fields(&base, &lists)).await;
        assert_eq!(status, StatusCode::OK, "{json}");
        let (_, mine) = ana.api("offers/mine", &[]).await;
        let card = mine.as_array().unwrap().iter().find(|o| o["card"]["id"] == json["offer"]).unwrap()["card"].clone();
        assert_eq!((card["m"].as_u64(), card["lang"].as_str()), (Some(5), Some("en,pt-BR")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_never_lose_a_change_silently() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let version = ana.api("offers/mine", &[]).await.1[0]["version"].to_string();
    let first = offer_fields("From the first tab");
    let second = offer_fields("From the second tab");
    let at = [("offer", offer.as_str()), ("version", version.as_str())];
    assert_eq!(ana.api("offers/revise", &fields(&first, &at)).await.0, 200);
    let (status, json) = ana.api("offers/revise", &fields(&second, &at)).await;
    assert_eq!((status.as_u16(), json["code"].as_str()), (409, Some("stale")));
    assert_eq!(ana.api("offers/mine", &[]).await.1[0]["card"]["title"], "From the first tab");
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_and_offers_of_others_are_not_found() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    let draft =
        ana.api("offers/register", &fields(&offer_fields("A draft"), &[("draft", "1")])).await.1["offer"].as_str().unwrap().to_owned();
    let bea = node.account("Bea").await;
    let sound = offer_fields("Mine now");
    assert_eq!(bea.api("offers/revise", &fields(&sound, &[("offer", &offer), ("version", "1")])).await.0, 404);
    assert_eq!(bea.api("offers/retire", &[("offer", &offer)]).await.0, 404);
    assert_eq!(bea.page(&format!("/offers/{draft}")).await.0, 404);
    assert_eq!(ana.page(&format!("/offers/{draft}")).await.0, 200);
    assert_eq!(bea.page(&format!("/offers/{offer}")).await.0, 200);
    assert_eq!(bea.page("/offers/00000000-0000-0000-0000-000000000000").await.0, 404);
    assert_eq!(bea.page("/offers/nonsense").await.0, 404);
    assert_eq!(bea.page("/no/such/page").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn revising_and_retiring_reach_the_watchers() {
    let node = Node::start().await;
    let (ana, offer) = node.provider("Ana").await;
    ana.go_online().await;
    let mut watcher = node.watch(None).await;
    let sound = offer_fields("A better title");
    assert_eq!(ana.api("offers/revise", &fields(&sound, &[("offer", &offer), ("version", "1")])).await.0, 200);
    assert_eq!(watcher.presence_of(&offer).await, "online");
    assert!(node.client().page("/").await.1.contains("A better title"));
    assert_eq!(ana.api("offers/retire", &[("offer", &offer)]).await.0, 200);
    assert_eq!(watcher.presence_of(&offer).await, "gone");
    assert_eq!(node.client().page(&format!("/offers/{offer}")).await.0, 404);
    let second = ana.register("Another one").await;
    assert_eq!(watcher.presence_of(&second).await, "online", "a provider who is online with all offers hangs a new one out at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_text_is_never_markup() {
    let node = Node::start().await;
    let ana = node.account("</title><script>alert(1)</script>").await;
    let evil = "</textarea><script>alert(2)</script>";
    let sound = offer_fields(evil);
    let (_, json) = ana.api("offers/register", &fields(&sound, &[("description", evil)])).await;
    let offer = json["offer"].as_str().unwrap();
    ana.go_online().await;
    for path in ["/".to_owned(), format!("/offers/{offer}"), format!("/offers/{offer}/revise"), "/desk".into(), "/account".into()] {
        let (status, page) = ana.page(&path).await;
        assert_eq!(status, 200, "{path}");
        assert!(!page.contains("<script>alert"), "{path}");
    }
}
