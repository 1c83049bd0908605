//! What a page holds of its browser: sockets, calls, sounds. It belongs to the browser's one thread, so on the server, which renders a page on many,
//! there is never anything in it.

use leptos::prelude::*;

/// A place for something of the browser; it goes with the part of the page that made it.
pub struct Local<T: 'static>(Option<StoredValue<Option<T>, LocalStorage>>);

impl<T> Clone for Local<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Local<T> {}

impl<T> Default for Local<T> {
    fn default() -> Self {
        Local((!cfg!(feature = "ssr")).then(|| StoredValue::new_local(None)))
    }
}

impl<T> Local<T> {
    /// Puts something in; what was there before is let go.
    pub fn set(self, value: T) {
        if let Some(place) = self.0 {
            place.try_set_value(Some(value));
        }
    }

    /// Takes what is there.
    pub fn take(self) -> Option<T> {
        self.0.and_then(|place| place.try_update_value(Option::take)).flatten()
    }

    /// Looks at what is there.
    pub fn with<R>(self, look: impl FnOnce(Option<&T>) -> R) -> Option<R> {
        self.0.and_then(|place| place.try_with_value(|value| look(value.as_ref())))
    }
}
