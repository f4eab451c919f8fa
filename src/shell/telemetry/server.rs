//! HTTP on a thread of its own: nothing that it does can hold up a worker, and nothing that a worker does can hold up an answer.

use super::gauges::Observed;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tracing::error;

/// How often recorded samples are sorted into their buckets where nobody looks.
const UPKEEP: Duration = Duration::from_secs(2);

/// Answers `/live`, `/ready` and `/metrics` until the process ends; returns the address, whose port the system picks where it is 0.
///
/// # Errors
/// The system's, where it cannot listen there.
pub fn serve(listen: &str, observed: Observed) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer_all = move || {
        runtime.block_on(async move {
            let telemetry = observed.telemetry().clone();
            tokio::spawn(async move {
                let mut due = tokio::time::interval(UPKEEP);
                loop {
                    due.tick().await;
                    telemetry.upkeep();
                }
            });
            let served = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => axum::serve(listener, router(observed)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                error!(%error, "no more answers over HTTP");
            }
        });
    };
    std::thread::Builder::new().name("http".to_owned()).spawn(answer_all)?;
    Ok(address)
}

fn router(observed: Observed) -> Router {
    Router::new()
        .route("/live", get(async |State(of): State<Observed>| health(&of, false)))
        .route("/ready", get(async |State(of): State<Observed>| health(&of, true)))
        .route("/metrics", get(metrics))
        .fallback(async || (StatusCode::NOT_FOUND, "there are /live, /ready and /metrics\n"))
        .with_state(observed)
}

fn health(observed: &Observed, strict: bool) -> (StatusCode, String) {
    match observed.wrong(strict) {
        wrong if wrong.is_empty() => (StatusCode::OK, "ok\n".to_owned()),
        wrong => (StatusCode::SERVICE_UNAVAILABLE, wrong.join("\n") + "\n"),
    }
}

async fn metrics(State(observed): State<Observed>) -> Response {
    match observed.metrics() {
        Some(text) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        None => {
            let why = "telemetry.metrics is false: nothing is measured\n";
            (StatusCode::NOT_FOUND, why).into_response()
        }
    }
}
