//! Taking out of the browser's program what the framework links and nothing calls.

use walrus::{FunctionBuilder, FunctionKind, Module};

use crate::steps::{Done, OrFail};

/// Whether the function belongs to what a view's table holds for `hydrate_lazy`: one that makes a future, or that future's code. This program is hydrated
/// whole and at once (`leptos::mount::hydrate_body`), so nobody takes that way, but the linker and wasm-opt must keep what stands in a table, and a
/// twentieth of all code stands behind it. Only the ways in are closed: what lies behind, the compiler may have given one body with code that is in use.
/// Should one be taken all the same, the program stops there (`unreachable`), and every story of end2end fails.
fn is_idle(name: &str) -> bool {
    name.contains("into_any") && name.contains("hydrate_async") && !name.contains("drop_in_place")
}

/// The module, with the bodies of those functions gone. What only they reached is left to wasm-bindgen and wasm-opt, which drop it.
pub fn prune(module: &[u8]) -> Done<Vec<u8>> {
    let mut module =
        Module::from_buffer(module).or_fail("the compiled module cannot be read", "give walrus the version that wasm-bindgen uses")?;
    let functions: Vec<_> = module.funcs.iter().filter(|f| f.name.as_deref().is_some_and(is_idle)).map(|f| (f.id(), f.ty())).collect();
    for (id, ty) in functions {
        let (params, results) = module.types.params_results(ty);
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut trap = FunctionBuilder::new(&mut module.types, &params, &results);
        trap.func_body().unreachable();
        let args = params.iter().map(|&param| module.locals.add(param)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(args));
    }
    Ok(module.emit_wasm())
}

/// Takes away what the program offers to nobody: the streams of the framework's own client of server functions, which `app::ui::form::post` replaces.
/// Their classes stay in the glue, where nothing makes one.
pub fn close(module: &mut Module) {
    let unused: Vec<_> = module.exports.iter().filter(|export| export.name.contains("intounderlying")).map(|export| export.id()).collect();
    unused.into_iter().for_each(|export| module.exports.delete(export));
}
