//! Health over HTTP: `/live` (no worker has given up) and `/ready` (every worker is at work and fusion is activated).

use super::driver::{Board, RunState, WorkerStatus};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Longest wait for one line of a request.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest request line.
const LONGEST: u64 = 1_024;

/// Answers on a thread of its own, one request at a time; returns the address, whose port the system picks where it is 0.
///
/// # Errors
/// The system's, where it cannot listen there.
pub fn serve(listen: &str, board: &Board) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen)?;
    let (address, board) = (listener.local_addr()?, board.clone());
    let answer_all = move || {
        for stream in listener.incoming().flatten() {
            // Whoever asked and went away misses the answer, nobody else.
            let _gone = answer(&stream, &board.workers());
        }
    };
    std::thread::Builder::new().name("health".to_owned()).spawn(answer_all)?;
    Ok(address)
}

fn answer(mut stream: &TcpStream, workers: &[WorkerStatus]) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream).take(LONGEST).read_line(&mut line)?;
    let path = line.split_ascii_whitespace().nth(1).unwrap_or_default();
    let (status, body) = match path {
        "/live" | "/ready" => match wrong(workers, path == "/ready") {
            wrong if wrong.is_empty() => ("200 OK", "ok\n".to_owned()),
            wrong => ("503 Service Unavailable", wrong.join("\n") + "\n"),
        },
        _ => ("404 Not Found", "there are /live and /ready\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes())
}

/// One line for each worker that is not as it should be.
fn wrong(workers: &[WorkerStatus], strict: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for WorkerStatus { role, worker, state, trouble, .. } in workers {
        match (state, trouble) {
            (RunState::Failed(why), _) => {
                lines.push(format!("{role} {worker} has given up: {why}"))
            }
            (RunState::Running, None) | (RunState::Draining | RunState::Stopped, _) => {}
            (RunState::Running | RunState::Connecting, why) if strict => {
                let why = why.as_deref().unwrap_or("connecting");
                lines.push(format!("{role} {worker} is not at work: {why}"));
            }
            _ => {}
        }
    }
    if strict && workers.is_empty() {
        lines.push("no worker has started yet".to_owned());
    }
    lines
}

/// Asks a process for its health: whether it is well, and what it said.
///
/// # Errors
/// The system's, where nothing answers in time.
pub fn ask(listen: &str, path: &str, patience: Duration) -> io::Result<(bool, String)> {
    let mut addresses = listen.to_socket_addrs()?;
    let mut address = addresses.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut text = String::new();
    stream.take(64 << 10).read_to_string(&mut text)?;
    let ok = text.starts_with("HTTP/1.1 200");
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((ok, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_workers_is_live_and_not_ready() {
        let address = serve("127.0.0.1:0", &Board::default()).expect("a free port").to_string();
        let patience = Duration::from_secs(5);
        assert_eq!(
            ask(&address, "/live", patience).expect("it answers"),
            (true, "ok\n".to_owned())
        );
        let (ready, text) = ask(&address, "/ready", patience).expect("it answers");
        assert!(!ready && text.contains("no worker has started"), "{text}");
        assert!(!ask(&address, "/other", patience).expect("it answers").0);
    }
}
