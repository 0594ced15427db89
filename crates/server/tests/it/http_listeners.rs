//! Three listeners, one table of paths.
//!
//! ```text
//!   anybody ──► public  /certificates/{name}.pem          (TLS; fetched here by our own fetcher)
//!   trunks  ──► trunk   /stir/v1/signing /stir/v1/verification
//!   operator ─► admin   /health /ready /metrics
//! ```
//!
//! This test verifies that every path exists at its listener and at no other, that the repository serves what fetchers want,
//! and that slow or oversized requests end.

use crate::repository::{Bench, HOST, Pki, web_server_config};
use countersign::certificate::CertificateChain;
use countersign::certificate::repository_url::Origin;
use countersign::time::Ticks;
use countersign::verification::{Refresh, Source};
use countersign_server::clock::SystemClock;
use countersign_server::fetch::Exception;
use countersign_server::http::operations::{Concern, Phase};
use countersign_server::http::{self, Guests, Listener, Readiness, Site, Tls, paths};
use countersign_server::metrics::Metrics;
use countersign_server::reload::Reloads;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn site() -> Site {
    // Nobody reloads here: whoever asks hears that the server is stopping.
    let (reloads, _) = Reloads::new();
    let site = Site {
        clock: Arc::new(SystemClock::start()),
        reloads,
        repository: Arc::default(),
        readiness: Arc::new(Readiness::default()),
        metrics: Some(Arc::new(Metrics::default())),
        authority: None,
        door: None,
    };
    publish(&site, "first.pem");
    site
}

fn publish(site: &Site, file: &str) {
    let chain = CertificateChain::parse(Pki::get().read(file).as_bytes()).unwrap();
    site.repository
        .publish([("acme", &chain)], Ticks::default());
}

async fn start(listener: Listener, site: &Site) -> (SocketAddr, watch::Sender<bool>) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let router = http::router(listener, site.clone());
    tokio::spawn(http::serve(
        socket,
        Arc::default(),
        Guests::All,
        router,
        stopped,
    ));
    (address, stop)
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str, more: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{more}\r\n");
    ask(address, &request).await
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or(answer)
}

#[tokio::test]
async fn a_path_exists_at_one_listener() {
    let site = site();
    site.readiness.set(Phase::Ready);
    for listener in [Listener::Public, Listener::Trunk, Listener::Admin] {
        let (address, _stop) = start(listener, &site).await;
        for line in paths::PATHS {
            let path = line.path.replace("{file}", "acme.pem");
            let answer = get(address, &path, "").await;
            let mut here = paths::PATHS.iter().filter(|one| one.listener == listener);
            let is_here = here.any(|one| one.path == line.path);
            let expected = match (is_here, line.path) {
                // Nobody is permitted here, and so learns nothing.
                _ if listener == Listener::Trunk => "403",
                (false, _) => "404",
                (true, "/reload") => "405",
                (true, _) => "200",
            };
            assert_eq!(status(&answer), expected, "{path} at {listener:?}");
        }
        let missing = match listener {
            Listener::Trunk => "403",
            Listener::Admin | Listener::Public => "404",
        };
        for path in ["/", "/certificates/../health"] {
            assert_eq!(
                status(&get(address, path, "").await),
                missing,
                "{path} at {listener:?}"
            );
        }
    }
}

/// This test verifies that a web page which somebody looks at on the server's own machine cannot ask for a reload.
#[tokio::test]
async fn no_web_page_asks_for_a_reload() {
    let (address, _stop) = start(Listener::Admin, &site()).await;
    let post = |more: &str| {
        format!(
            "POST /reload HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n"
        )
    };
    let by_hand = ask(address, &post("")).await;
    assert_eq!(status(&by_hand), "503", "nobody reloads here");
    let by_page = ask(address, &post("Origin: https://evil.example\r\n")).await;
    assert_eq!(status(&by_page), "403");
}

#[tokio::test]
async fn the_repository_serves_what_fetchers_want() {
    let site = site();
    let (address, _stop) = start(Listener::Public, &site).await;
    let answer = get(address, "/certificates/acme.pem", "").await;
    let lower = answer.to_ascii_lowercase();
    for line in [
        "content-type: application/pem-certificate-chain\r\n",
        "cache-control: public, max-age=86400\r\n",
        "etag: \"",
        "content-length: ",
    ] {
        assert!(lower.contains(line), "{line} in {answer}");
    }
    assert!(answer.contains("-----BEGIN CERTIFICATE-----"));
    let etag = lower
        .split("etag: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned();
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let again = get(
            address,
            "/certificates/acme.pem",
            &format!("If-None-Match: {known}\r\n"),
        )
        .await;
        assert_eq!(status(&again), "304", "{known}");
        assert!(again.ends_with("\r\n\r\n"));
    }
    for missing in [
        "/certificates/other.pem",
        "/certificates/acme",
        "/certificates/acme.pem.pem",
        "/certificates/",
    ] {
        assert_eq!(status(&get(address, missing, "").await), "404", "{missing}");
    }
    let posted = ask(address, "POST /certificates/acme.pem HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&posted), "405");
}

/// This test verifies that a name which is published no more is still served to those who hold calls signed with it.
#[tokio::test]
async fn an_old_name_is_served_for_a_while() {
    let clock = Bench::with(&[], |_| {}).clock;
    let site = Site {
        clock: clock.clone(),
        ..site()
    };
    let chain = CertificateChain::parse(Pki::get().read("second.pem").as_bytes()).unwrap();
    let (address, _stop) = start(Listener::Public, &site).await;
    let publish = || {
        let now = site.clock.now().ticks;
        site.repository.publish([("new", &chain)], now);
    };
    publish();
    for (wait, old) in [(0, "200"), (3_599, "200"), (1, "404")] {
        clock.advance(wait);
        let answer = get(address, "/certificates/acme.pem", "").await;
        assert_eq!(status(&answer), old, "after {wait} s more");
        let answer = get(address, "/certificates/new.pem", "").await;
        assert_eq!(status(&answer), "200");
        // A reload in between does not begin the time anew.
        publish();
    }
}

#[tokio::test]
async fn our_own_fetcher_fetches_from_our_own_repository() {
    let site = site();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let (_stop, stopped) = watch::channel(false);
    let router = http::router(Listener::Public, site.clone());
    tokio::spawn(http::serve(
        socket,
        Arc::new(Tls::from(Some(web_server_config()))),
        Guests::All,
        router,
        stopped,
    ));
    let exception = Exception {
        origin: Origin::parse(&format!("https://{HOST}:{port}")).unwrap(),
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        web_roots: None,
    };
    let bench = Bench::with(&[(HOST, &["127.0.0.1"])], |policy| {
        policy.exceptions = vec![exception]
    });
    let url = format!("https://{HOST}:{port}/certificates/acme.pem");
    let first = bench.fetcher.fetch(&url, Refresh::No).await.unwrap();
    assert_eq!(first.source, Source::Fetched);
    bench.clock.advance(11);
    let same = bench
        .fetcher
        .fetch(&url, Refresh::Conditional)
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&first.item, &same.item), "304: unchanged");
    publish(&site, "second.pem");
    bench.clock.advance(11);
    let renewed = bench
        .fetcher
        .fetch(&url, Refresh::Conditional)
        .await
        .unwrap();
    assert_ne!(renewed.item.digest(), first.item.digest());
}

#[tokio::test]
async fn readiness_has_an_answer_for_each_phase_and_health_one() {
    let site = site();
    let (address, _stop) = start(Listener::Admin, &site).await;
    for (phase, code, word) in [
        (Phase::Starting, "503", "starting"),
        (Phase::Ready, "200", "{\"status\":\"ready\"}"),
        (Phase::Draining, "503", "\"draining\""),
        (Phase::Stopping, "503", "stopping"),
    ] {
        site.readiness.set(phase);
        let answer = get(address, "/ready", "").await;
        assert_eq!(status(&answer), code);
        assert!(answer.contains(word));
        assert_eq!(status(&get(address, "/health", "").await), "200");
    }
    site.readiness
        .concerns(|| vec![Concern::Overloaded, Concern::TrustMissing]);
    site.readiness.set(Phase::Ready);
    let answer = get(address, "/ready", "").await;
    assert_eq!(
        status(&answer),
        "200",
        "to be sent nothing would help nobody"
    );
    assert!(answer.contains("\"concerns\":[\"overloaded\",\"trust-missing\"]"));
}

#[tokio::test]
async fn metrics_are_told_or_do_not_exist() {
    let mut site = site();
    let (address, _stop) = start(Listener::Admin, &site).await;
    site.metrics.as_ref().unwrap().fetches.increment(["ok"]);
    let answer = get(address, "/metrics", "").await;
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(answer.contains("countersign_certificate_fetches_total{outcome=\"ok\"} 1\n"));
    site.metrics = None;
    let (address, _stop) = start(Listener::Admin, &site).await;
    assert_eq!(status(&get(address, "/metrics", "").await), "404");
}

#[tokio::test]
async fn garbage_and_long_headers_end() {
    let (address, _stop) = start(Listener::Public, &site()).await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    assert_eq!(status(&ask(address, &long).await), "431");
    assert_eq!(
        status(&ask(address, "INVITE sip:a@b SIP/2.0\r\n\r\n").await),
        "400"
    );
}

#[tokio::test]
async fn a_listener_that_stops_finishes_and_goes() {
    let (address, stop) = start(Listener::Admin, &site()).await;
    assert_eq!(status(&get(address, "/health", "").await), "200");
    // An idle connection does not hold it.
    let _idle = TcpStream::connect(address).await.unwrap();
    stop.send(true).unwrap();
    for _ in 0..100 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still accepts");
}

#[tokio::test]
async fn one_slow_host_does_not_keep_the_others_out() {
    let site = site();
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let router = http::router(Listener::Admin, site);
    let serving = tokio::spawn(http::serve(
        socket,
        Arc::default(),
        Guests::All,
        router,
        stopped,
    ));
    let mut slow = Vec::new();
    for _ in 0..http::listener::MAX_CONNECTIONS_PER_HOST {
        slow.push(TcpStream::connect(address).await.unwrap());
    }
    let mut one_more = TcpStream::connect(address).await.unwrap();
    assert_eq!(one_more.read(&mut [0; 1]).await.unwrap_or(0), 0, "closed");
    let elsewhere = tokio::net::TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = elsewhere.connect(address).await.unwrap();
    let request = b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    other.write_all(request).await.unwrap();
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "200");
    drop(slow);
    stop.send(true).unwrap();
    serving.await.unwrap();
}
