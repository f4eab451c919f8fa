//! HTTP on a thread of its own: nothing that it does can hold up a worker, and nothing that a worker does can hold up an answer.

use super::gauges::Observed;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tracing::error;

/// The page: one file without a build step and without anything from elsewhere.
const PAGE: &str = include_str!("ui.html");
const FRESH: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];
/// Nothing may be loaded from elsewhere, and nobody may show the page within another one.
const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'; frame-ancestors 'none'",
    ),
];
const PATHS: &str = "there are /live, /ready, /metrics, /status and /ui\n";

/// How often recorded samples are sorted into their buckets where nobody looks.
const UPKEEP: Duration = Duration::from_secs(2);

/// Answers `/live`, `/ready`, `/metrics`, `/status` and `/ui` until the process ends; returns the address, whose port the system picks where it is 0.
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
        .route("/status", get(async |State(of): State<Observed>| (FRESH, Json(of.status()))))
        .route("/ui", get(async || (PAGE_HEADERS, PAGE)))
        .route("/", get(async || Redirect::temporary("/ui")))
        .fallback(async || (StatusCode::NOT_FOUND, PATHS))
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
