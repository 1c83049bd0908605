//! The chat of a room: what was said and what happened, in order.

use super::{
    line::{Known, Pending},
    parts::event_words,
    wire::FromPage,
};
use crate::{
    error::words,
    ui::{
        text::message_area,
        time::{Shape, browser_now, moment},
        view::{nothing, show, text, word},
    },
};
use domain::{
    message::Mark,
    reject::Field,
    side::Side,
    text::MessageText,
    timeline::{Event, Row},
};
use leptos::{ev::SubmitEvent, html, prelude::*};

/// How often the other side is told that somebody types, in milliseconds.
const TYPING_EVERY: i64 = 2_000;

const fn mark_words(mark: Mark) -> &'static str {
    match mark {
        Mark::Sent => "sent",
        Mark::Delivered => "delivered",
        Mark::Read => "read",
    }
}

/// One row: a message, or a line that tells what happened.
pub fn row_line(row: Row, side: Side, other: &str, mark: Option<Signal<String>>) -> AnyView {
    let at = row.at;
    if let Event::Message(message) = &row.is {
        let own = message.by == side;
        let from = if own { "You".to_owned() } else { other.to_owned() };
        return view! {
            <li class="msg" data-own=own.to_string()>
                <span class="unseen">{from}": "</span>
                <span class="plain">{message.text.as_str().to_owned()}</span>
                <small class="num">
                    {moment(move || at, Shape::Clock)}
                    {mark.filter(|_| own).map(|mark| view! { <span data-mark=mark>" · "{mark}</span> }.into_any())}
                </small>
            </li>
        }
        .into_any();
    }
    event_words(&row.is, Some(side), other)
        .map_or_else(nothing, |words| view! { <li class="event">{moment(move || at, Shape::Clock)}" "{words}</li> }.into_any())
}

/// The chat.
#[component]
pub fn Chat(
    /// The consultation.
    known: Known,
    /// On which side one is.
    side: Side,
    /// The other side's name.
    other: String,
) -> AnyView {
    let list = NodeRef::<html::Div>::new();
    let area = NodeRef::<html::Textarea>::new();
    let wrong = RwSignal::new(None::<&'static str>);
    let typed_at = StoredValue::new(0_i64);
    // The newest line is kept in sight, unless one has scrolled back to read.
    Effect::new(move || {
        known.rows.track();
        known.pending.track();
        request_animation_frame(move || {
            if let Some(Some(list)) = list.try_get_untracked() {
                let below = list.scroll_height() - list.scroll_top() - list.client_height();
                if below < 240 {
                    list.set_scroll_top(list.scroll_height());
                }
            }
        });
    });
    Effect::new(move || {
        known.rows.track();
        known.open.track();
        known.mark(!document().hidden());
    });
    Effect::new(move || {
        let seen = window_event_listener_untyped("focus", move |_| known.mark(true));
        on_cleanup(move || seen.remove());
    });
    let row = {
        let other = other.clone();
        move |row: Row| {
            let n = row.n;
            let mark = word(move || mark_words(known.state.read().marks.of(side.other()).mark(n)));
            row_line(row, side, &other, Some(mark))
        }
    };
    let waiting = move |message: Pending| {
        let refused = message.refused.map(|code| words(Some(Field::Text), code));
        view! {
            <li class="msg" data-own="true" data-pending="">
                <span class="plain">{message.text}</span>
                <small>{refused.unwrap_or("on its way")}</small>
            </li>
        }
        .into_any()
    };
    let send = move || {
        let Some(area) = area.get_untracked() else { return };
        match MessageText::parse(&area.value()) {
            Ok(text) => {
                wrong.set(None);
                known.post(text.into());
                area.set_value("");
            }
            Err(domain::reject::Code::Required) => {}
            Err(code) => wrong.set(Some(words(Some(Field::Text), code))),
        }
    };
    let submit = move |ev: SubmitEvent| {
        ev.prevent_default();
        send();
    };
    let key = move |ev: leptos::ev::KeyboardEvent| {
        // A line break needs Shift; a word that is still being composed is not sent.
        if ev.key() == "Enter" && !ev.shift_key() && !ev.is_composing() {
            ev.prevent_default();
            send();
        }
    };
    let typing = move |_| {
        let now = browser_now();
        if now.saturating_sub(typed_at.get_value()) > TYPING_EVERY {
            typed_at.set_value(now);
            known.tell(&FromPage::Typing {});
        }
    };
    let types = {
        let other = other.clone();
        text(move || if known.typing.get() > known.now.get() { format!("{other} is typing…") } else { String::new() })
    };
    view! {
        <aside class="chat" aria-label="Chat">
            <h2>"Chat"</h2>
            <div class="said" role="log" aria-label="What was said" tabindex="0" node_ref=list>
                <ol class="msgs">
                    <For each=move || known.rows.get() key=|row| row.n children=row/>
                    {show(move || known.pending.get().into_iter().map(waiting).collect::<Vec<_>>().into_any())}
                </ol>
            </div>
            <p class="typing" aria-live="off">{types}</p>
            <form class="write" on:submit=submit>
                <label class="unseen" for="message">"Write a message"</label>
                {message_area(area, typing, key)}
                <button class="btn main" type="submit">"Send"</button>
            </form>
            <p class="chat-wrong" role="alert">{show(move || wrong.get().map_or_else(nothing, |words| words.into_any()))}</p>
        </aside>
    }
    .into_any()
}
