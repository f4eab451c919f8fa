//! Asking over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Status code and body.
pub(super) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the process listens");
    stream.set_read_timeout(Some(super::showing::LONGEST)).expect("a timeout can be set");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the request is taken");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer in UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("head and body");
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
    assert!(!head.to_ascii_lowercase().contains("chunked"), "{head}");
    (code, body.to_owned())
}
