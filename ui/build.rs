//! Compiles the Slint files into Rust, their translations with them.

use slint_build::CompilerConfiguration;

fn main() -> Result<(), slint_build::CompileError> {
    // Names for the elements, by which the tests find them.
    let configuration =
        CompilerConfiguration::new().with_bundled_translations("lang").with_debug_info(true);
    slint_build::compile_with_config("ui/app.slint", configuration)
}
