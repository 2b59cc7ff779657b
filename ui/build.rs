//! Compiles the Slint files into Rust.
fn main() -> Result<(), slint_build::CompileError> {
    slint_build::compile("ui/app.slint")
}
