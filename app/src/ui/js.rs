//! Objects of the browser by the names of their properties: for what its bindings lack, and for what some browsers lack.

use js_sys::{Array, Function, Object, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A property of an object; `undefined` when there is none.
pub fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// Calls a method by its name; `None` where the browser has none, or it fails.
pub fn call(of: &JsValue, name: &str, args: &[JsValue]) -> Option<JsValue> {
    let method: Function = get(of, name).dyn_into().ok()?;
    method.apply(of, &args.iter().collect::<Array>()).ok()
}

/// Calls a method that promises something.
pub async fn promised(of: &JsValue, name: &str, args: &[JsValue]) -> Option<JsValue> {
    JsFuture::from(call(of, name, args)?.dyn_into::<js_sys::Promise>().ok()?).await.ok()
}

/// An object with one property.
pub fn object(name: &str, value: &JsValue) -> JsValue {
    let object = Object::new();
    // A new object takes any property.
    let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    object.into()
}

/// What the browser knows of itself. Browser only.
pub fn navigator() -> JsValue {
    window().navigator().into()
}

/// A clock of the page that is never set back, in milliseconds.
pub fn clock() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
