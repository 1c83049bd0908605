//! Points in time: written in UTC by the server, rewritten to the reader's zone once the page is taken over.

use crate::ui::view::text;
use domain::time::{Millis, Timestamp};
use leptos::prelude::*;
use std::sync::Arc;

/// Whether the page is taken over, so that what only the reader's browser knows may be shown.
#[derive(Clone, Copy)]
pub struct Hydrated(pub RwSignal<bool>);

/// Milliseconds since 1970 by the browser's clock. Browser only.
pub fn browser_now() -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of the present, far below 2^53")]
    let now = js_sys::Date::now() as i64;
    now
}

/// What of a point in time is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `16:30`.
    Clock,
    /// `2026-11-22 16:30`.
    DayAndClock,
}

/// The same in the zone of the reader. Browser only.
fn local(at: Timestamp, shape: Shape) -> String {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds, far below 2^53")]
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.0 as f64));
    let clock = format!("{:02}:{:02}", date.get_hours(), date.get_minutes());
    match shape {
        Shape::Clock => clock,
        Shape::DayAndClock => format!("{}-{:02}-{:02} {clock}", date.get_full_year(), date.get_month() + 1, date.get_date()),
    }
}

/// A point in time.
pub fn moment(at: impl Fn() -> Timestamp + Send + Sync + 'static, shape: Shape) -> AnyView {
    moment_of(Arc::new(at), shape)
}

fn moment_of(at: Arc<dyn Fn() -> Timestamp + Send + Sync>, shape: Shape) -> AnyView {
    let (hydrated, stamp) = (use_context::<Hydrated>(), Arc::clone(&at));
    let words = text(move || {
        let at = at();
        match (hydrated.is_some_and(|h| h.0.get()), shape) {
            (true, shape) => local(at, shape),
            (false, Shape::Clock) => at.clock_utc(),
            (false, Shape::DayAndClock) => at.day_and_clock_utc(),
        }
    });
    let class = match shape {
        Shape::Clock => "moment clock",
        Shape::DayAndClock => "moment day",
    };
    view! { <time class=class datetime=text(move || stamp().iso())>{words}</time> }.into_any()
}

/// What is left, in words: `1 h 42 min`, `42 min`, and to the second in the last five minutes.
pub fn left_words(left: Millis) -> String {
    let minutes = left.0.max(0) / 60_000;
    match (minutes / 60, minutes % 60) {
        (0, few) if few < 5 => left.to_string(),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// A stretch that is chosen, in words: `30 min`, `2 h`.
pub fn stretch_words(minutes: i64) -> String {
    if minutes < 60 { format!("{minutes} min") } else { format!("{} h", minutes / 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_in_words() {
        for (seconds, words) in [(6_128, "1 h 42 min"), (7_200, "2 h"), (2_520, "42 min"), (299, "4:59"), (-1, "0:00")] {
            assert_eq!(left_words(Millis::seconds(seconds)), words);
        }
    }
}
