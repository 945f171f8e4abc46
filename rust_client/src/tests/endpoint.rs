//! Where a daemon is, and starting one.

use super::{Folder, wait_until};
use crate::endpoint::{check_address, find_trackd, page, read, start, uri};
use crate::errors::Error;

#[test]
fn an_endpoint_file_is_read_or_is_none() {
    let folder = Folder::new();
    assert_eq!(read(&folder.0), None);
    let path = folder.0.join("endpoint.json");
    for broken in ["", "{", "[]", r#"{"grpc_address": 1, "token": "t"}"#, r#"{"grpc_address": "a:1"}"#] {
        std::fs::write(&path, broken).unwrap();
        assert_eq!(read(&folder.0), None, "{broken}");
    }
    std::fs::write(&path, r#"{"grpc_address": "unix:/run/x", "http_address": "http://h", "token": "t", "pid": 1}"#)
        .unwrap();
    let endpoint = read(&folder.0).unwrap();
    assert_eq!((endpoint.grpc_address.as_str(), endpoint.http_address.as_str()), ("unix:/run/x", "http://h"));
    assert_eq!(endpoint.token, "t");
}

#[test]
fn an_address_is_a_host_and_a_port_or_a_socket() {
    for good in ["127.0.0.1:1", "host:65535", "[::1]:80", "unix:/run/trackd", "unix:///run/trackd"] {
        assert_eq!(check_address(good), Ok(()), "{good}");
    }
    for bad in ["", "host", ":80", "host:0", "host:65536", "http://host:80", "unix:run"] {
        let Err(Error::Usage(sentence)) = check_address(bad) else { panic!("{bad}") };
        assert!(sentence.contains(&format!("{bad:?}")), "{sentence}");
    }
    assert_eq!(uri("host:80"), "http://host:80");
    assert_eq!(uri("unix:/run/x"), "unix:/run/x");
}

#[test]
fn a_page_has_names_as_an_address_may_hold_them() {
    assert_eq!(page("http://h:1", "a b", "ü~1"), "http://h:1/p/a%20b/r/%C3%BC~1");
}

#[cfg(unix)]
#[test]
fn a_daemon_is_started_by_the_trackd_on_the_path() {
    use std::os::unix::fs::PermissionsExt as _;
    let (one, two) = (Folder::new(), Folder::new());
    let path = std::env::join_paths([&one.0, &two.0]).unwrap();
    std::fs::write(one.0.join("trackd"), "").unwrap(); // which cannot be run
    assert_eq!(find_trackd(&path), None);
    let file = two.0.join("trackd");
    std::fs::write(&file, "#!/bin/sh\nprintf '%s|' \"$@\" > \"$3/said.new\" && mv \"$3/said.new\" \"$3/said\"\n")
        .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(find_trackd(&path), Some(file.clone()));
    let store = Folder::new();
    let name = store.0.join("a 'store' of $mine");
    std::fs::create_dir(&name).unwrap();
    start(&file, &name).unwrap();
    wait_until("it has run", || name.join("said").exists());
    let said = std::fs::read_to_string(name.join("said")).unwrap();
    assert_eq!(said, format!("up|--store|{}|", name.display()));
}
