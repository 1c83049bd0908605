//! Text in the two places where the framework does not escape it: `<title>` and `<textarea>`.

use crate::ui::view::truth;
use leptos::prelude::*;
use leptos_meta::Title;

/// The text as it must stand in markup that the framework writes without escaping. In the browser text goes into nodes, so it stays as it is.
fn raw_markup(text: &str) -> String {
    if cfg!(feature = "ssr") { text.replace('&', "&amp;").replace('<', "&lt;") } else { text.to_owned() }
}

/// The title of a page.
#[component]
pub fn PageTitle(
    /// What the page is about.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <Title text=raw_markup(&format!("{text} · Noren"))/> }
}

/// A field of several lines. Its text is the default value: what is typed before the page is taken over stays.
#[component]
pub fn TextArea(
    /// The id that the label points to.
    id: String,
    /// The name on the wire.
    name: &'static str,
    /// The text it starts with.
    value: String,
    /// Lines shown.
    rows: u32,
    /// Whether it must be filled in.
    required: bool,
    /// Ids of its hint and its error.
    described_by: Signal<String>,
    /// Whether its text is wrong.
    invalid: Signal<bool>,
) -> impl IntoView {
    let mut text = raw_markup(&value);
    if cfg!(feature = "ssr") {
        // A line break right after the tag is dropped when markup is read, so one is put there to be dropped.
        text.insert(0, '\n');
    }
    view! {
        <textarea
            id=id
            name=name
            rows=rows
            aria-required=required.to_string()
            aria-describedby=described_by
            aria-invalid=truth(move || invalid.get())
        >
            {text}
        </textarea>
    }
}

/// The field for a chat message. It starts empty and is never rendered with text.
pub fn message_area(
    area: NodeRef<leptos::html::Textarea>,
    typing: impl Fn(leptos::ev::Event) + 'static,
    key: impl Fn(leptos::ev::KeyboardEvent) + 'static,
) -> AnyView {
    view! {
        <textarea id="message" name="message" rows="1" maxlength=domain::text::MESSAGE_MAX.to_string() placeholder="Write a message" node_ref=area on:input=typing on:keydown=key></textarea>
    }
    .into_any()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use futures::StreamExt;
    use leptos_meta::ServerMetaContext;

    #[test]
    fn a_text_cannot_end_its_textarea() {
        let owner = Owner::new();
        let html = owner.with(|| {
            let text = "a < b & c</textarea><script>alert(1)</script>".to_owned();
            view! {
                <TextArea id="t".to_owned() name="t" value=text rows=2 required=true described_by=Signal::stored(String::new()) invalid=Signal::stored(false)/>
            }
            .to_html()
        });
        assert!(html.contains("a &lt; b &amp; c&lt;/textarea>&lt;script>") && !html.contains("<script"), "{html}");
        assert_eq!(html.matches("</textarea>").count(), 1);
    }

    #[tokio::test]
    async fn a_text_cannot_end_its_title() {
        // Listing the routes starts the framework's executor, as the server does.
        leptos_axum::generate_route_list(crate::App);
        let owner = Owner::new();
        owner.set();
        let (meta, output) = ServerMetaContext::new();
        provide_context(meta);
        view! { <PageTitle text="x</title><script>alert(1)</script>"/> }.to_html();
        let document = Box::pin(futures::stream::once(async { "<html><head><!--HEAD--></head><body></body></html>".to_owned() }));
        let html: String = output.inject_meta_context(document).await.collect().await;
        assert!(html.contains("x&lt;/title>&lt;script>") && !html.contains("<script"), "{html}");
    }

    /// The wrappers above are the only way: nothing else may use the unescaped sinks, nor styles that the page's policy forbids. But for `drawn.rs`, which
    /// hands out what the renderer has escaped, and whose test compares it with what the renderer makes of a name full of marks.
    #[test]
    fn no_page_uses_a_sink() {
        let banned = ["<textarea", "<Title", "inner_html", " style=", "style:"];
        let mut looked_at = 0;
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.file_name().is_some_and(|name| name != "text.rs" && name != "drawn.rs") {
                    let source = std::fs::read_to_string(&path).unwrap();
                    looked_at += 1;
                    for sink in banned {
                        assert!(!source.contains(sink), "{sink} in {}", path.display());
                    }
                }
            }
        }
        assert!(looked_at > 10);
    }
}
