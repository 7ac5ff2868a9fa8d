//! The program starts. That there is a test makes `cargo test --workspace` build it, for those in `tests/`.

use std::process::Command;

#[test]
fn it_tells_its_version() {
    let told = Command::new(env!("CARGO_BIN_EXE_ur-query")).arg("--version").output().unwrap();
    assert!(told.status.success());
    assert!(String::from_utf8(told.stdout).unwrap().contains(env!("CARGO_PKG_VERSION")));
}
