//! A collector of traces in this process: takes OTLP over HTTP and reads it.

use super::protobuf::{Value, all};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was sent to it: path and body of each request.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<Mutex<Vec<Received>>>);

/// Path and body.
type Received = (String, Vec<u8>);

/// One span, as far as tests look at it.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub name: String,
    pub begin: u64,
    pub end: u64,
    /// Texts and numbers by name.
    pub attributes: Vec<(String, String)>,
    /// Trace ids of its links.
    pub links: Vec<String>,
}

impl Collector {
    /// Listens for the rest of the test.
    pub(super) fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let collector = Self::default();
        let taking = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(request) = answer(stream) {
                    taking.0.lock().expect("no panic").push(request);
                }
            }
        });
        (collector, address)
    }

    /// Every request so far.
    pub(super) fn requests(&self) -> Vec<(String, Vec<u8>)> {
        self.0.lock().expect("no panic").clone()
    }

    /// Every span so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for (path, body) in self.requests() {
            assert_eq!(path, "/v1/traces");
            for resource in all(&body, 1) {
                let scopes = all(resource.bytes(), 2);
                let of_scope = |scope: Value<'_>| -> Vec<Span> {
                    all(scope.bytes(), 2).into_iter().map(|span| read(span.bytes())).collect()
                };
                spans.extend(scopes.into_iter().flat_map(of_scope));
            }
        }
        spans
    }
}

fn read(span: &[u8]) -> Span {
    let number = |field| match all(span, field).first() {
        Some(Value::Number(number)) => *number,
        other => panic!("a number: {other:?}"),
    };
    let attribute = |pair: &Value<'_>| {
        let name = all(pair.bytes(), 1)[0].text().to_owned();
        let value = all(pair.bytes(), 2)[0].bytes();
        let text = all(value, 1).first().map(|text| text.text().to_owned());
        let number = all(value, 3).first().map(|number| format!("{number:?}"));
        (name, text.or(number).expect("a text or a number"))
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Span {
        name: all(span, 5)[0].text().to_owned(),
        begin: number(7),
        end: number(8),
        attributes: all(span, 9).iter().map(attribute).collect(),
        links: all(span, 13).iter().map(|link| hex(all(link.bytes(), 1)[0].bytes())).collect(),
    }
}

fn answer(mut stream: TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .ok()?;
    Some((first.split(' ').nth(1)?.to_owned(), body))
}
