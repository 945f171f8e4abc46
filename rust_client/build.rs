//! Makes the messages and the stubs of the contract from `proto`, without protoc.

use std::error::Error;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(
        ["trackd/v1/error_reason.proto", "trackd/v1/ingest_service.proto", "trackd/v1/run_service.proto"],
        ["proto"],
    )?;
    tonic_prost_build::configure()
        .build_transport(false)
        .server_mod_attribute(".", "#[cfg(test)]")
        .bytes(".trackd.v1")
        .extern_path(".google.protobuf.Timestamp", "crate::wire::Timestamp")
        .disable_comments(["."])
        .emit_rerun_if_changed(false)
        .compile_fds(files)?;
    println!("cargo:rustc-env=TRACKD_RUSTC_VERSION={}", rustc_version());
    Ok(())
}

/// Returns the compiler's version, for example "1.88.0"; empty when it cannot be asked.
fn rustc_version() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output();
    let text = said.map_or_else(|_| String::new(), |said| String::from_utf8_lossy(&said.stdout).into_owned());
    text.split_whitespace().nth(1).unwrap_or_default().to_owned()
}
