//! The moving pieces of views in few types. Every closure in a view is a type of its own to the compiler, and each costs kilobytes of WASM;
//! through these functions they all become one.

use leptos::prelude::*;

/// A text that changes.
pub fn text(of: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    text_of(Box::new(of))
}

fn text_of(of: Box<dyn Fn() -> String + Send + Sync>) -> Signal<String> {
    Signal::derive(of)
}

/// A constant word that changes with the state: for `data-` attributes.
pub fn word(of: impl Fn() -> &'static str + Send + Sync + 'static) -> Signal<String> {
    word_of(Box::new(of))
}

fn word_of(of: Box<dyn Fn() -> &'static str + Send + Sync>) -> Signal<String> {
    text_of(Box::new(move || of().to_owned()))
}

/// A switch that changes.
pub fn flag(of: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    flag_of(Box::new(of))
}

fn flag_of(of: Box<dyn Fn() -> bool + Send + Sync>) -> Signal<bool> {
    Signal::derive(of)
}

/// A switch in words, as ARIA wants it.
pub fn truth(of: impl Fn() -> bool + Send + Sync + 'static) -> Signal<String> {
    truth_of(Box::new(of))
}

fn truth_of(of: Box<dyn Fn() -> bool + Send + Sync>) -> Signal<String> {
    word_of(Box::new(move || if of() { "true" } else { "false" }))
}

/// A part of the view that changes.
pub fn show(of: impl Fn() -> AnyView + Send + 'static) -> AnyView {
    shown(Box::new(of))
}

fn shown(of: Box<dyn Fn() -> AnyView + Send>) -> AnyView {
    (move || of()).into_any()
}

/// A part that is there or not.
pub fn when(there: bool, of: impl FnOnce() -> AnyView) -> AnyView {
    if there { of() } else { nothing() }
}

/// No part at all.
pub fn nothing() -> AnyView {
    ().into_any()
}
