//! Where connections go.

use std::sync::Arc;

use attestry_service::outbound::{Outbound, OutboundError, Rule};

use super::listener::{Answers, Listener};
use super::{HOST, Names, config, get, internal, plain};

const OK: Answers = Answers::With("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

fn outbound(config: attestry_service::outbound::OutboundConfig, names: &Names) -> Outbound {
    Outbound::with_resolver(&config, Arc::new(names.clone())).unwrap()
}

#[tokio::test]
async fn a_host_at_an_address_that_is_not_public_is_not_connected_to() {
    let listener = Listener::start(OK).await;
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        let names = Names::answering(&[&[address]]);
        let outbound = outbound(config(plain(HOST, listener.port)), &names);
        let target = outbound.target(&format!("http://{HOST}:{}/", listener.port)).unwrap();
        assert_eq!(outbound.check_address(&target).await, Err(Rule::Address), "{address}");
        assert_eq!(get(&outbound, HOST, listener.port).await, Err(OutboundError::Address));
        let sent = outbound.post(&target, &[], b"{}".to_vec()).await;
        assert_eq!(sent.err(), Some(OutboundError::Address), "{address}");
    }
    assert_eq!(listener.seen(), [""; 0]);
}

#[tokio::test]
async fn one_address_inside_spoils_those_outside() {
    let listener = Listener::start(OK).await;
    let names = Names::answering(&[&["1.1.1.1", "127.0.0.1"]]);
    let outbound = outbound(config(plain(HOST, listener.port)), &names);
    assert_eq!(get(&outbound, HOST, listener.port).await, Err(OutboundError::Address));
    assert_eq!(listener.seen(), [""; 0]);
}

#[tokio::test]
async fn a_name_that_moves_inside_after_it_was_checked_is_not_followed() {
    let listener = Listener::start(OK).await;
    let names = Names::answering(&[&["1.1.1.1"], &["127.0.0.1"]]);
    let outbound = outbound(config(plain(HOST, listener.port)), &names);
    let target = outbound.target(&format!("http://{HOST}:{}/", listener.port)).unwrap();
    assert_eq!(outbound.check_address(&target).await, Ok(()));
    assert_eq!(get(&outbound, HOST, listener.port).await, Err(OutboundError::Address));
    assert_eq!(listener.seen(), [""; 0]);
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let listener = Listener::start(OK).await;
    let names = Names::answering(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let outbound = outbound(config(internal(HOST, listener.port)), &names);
    assert_eq!(get(&outbound, HOST, listener.port).await.unwrap(), b"ok");
    assert_eq!(names.asked(), 1);
}

#[tokio::test]
async fn what_is_listed_as_internal_is_reached_and_link_local_is_not() {
    let listener = Listener::start(OK).await;
    let names = Names::answering(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let by_name = outbound(config(internal(HOST, listener.port)), &names);
    assert_eq!(get(&by_name, HOST, listener.port).await.unwrap(), b"ok");
    assert_eq!(get(&by_name, HOST, listener.port).await, Err(OutboundError::Address));

    let by_address = outbound(config(internal("127.0.0.1", listener.port)), &Names::default());
    assert_eq!(get(&by_address, "127.0.0.1", listener.port).await.unwrap(), b"ok");
    assert_eq!(listener.seen().len(), 2);
}

#[tokio::test]
async fn names_of_this_machine_are_refused_by_its_own_resolver() {
    let listener = Listener::start(OK).await;
    let outbound = Outbound::new(&config(plain("localhost", listener.port))).unwrap();
    assert_eq!(get(&outbound, "localhost", listener.port).await, Err(OutboundError::Address));
    assert_eq!(listener.seen(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let inside = Listener::start(OK).await;
    let redirect = format!(
        "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
        inside.port
    );
    let listener = Listener::start(Answers::With(redirect.leak())).await;
    let rule = internal("127.0.0.1", listener.port);
    let rule =
        attestry_service::outbound::HostRule { ports: [listener.port, inside.port].into(), ..rule };
    let outbound = outbound(config(rule), &Names::default());
    let target = outbound.target(&format!("http://127.0.0.1:{}/", listener.port)).unwrap();
    assert_eq!(outbound.post(&target, &[], b"{}".to_vec()).await.unwrap().status, 307);
    assert_eq!(outbound.get(&target, &[], 10).await.unwrap().status, 307);
    assert_eq!(inside.seen(), [""; 0]);
}

#[tokio::test]
async fn what_has_no_address_or_takes_no_connection_is_told_apart() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let away = outbound(config(internal(HOST, port)), &Names::answering(&[&["127.0.0.1"]]));
    assert_eq!(get(&away, HOST, port).await, Err(OutboundError::NoConnection));
    let unknown = outbound(config(plain(HOST, port)), &Names::default());
    assert_eq!(get(&unknown, HOST, port).await, Err(OutboundError::NotFound));
    let nowhere = outbound(config(plain(HOST, port)), &Names::answering(&[&[]]));
    assert_eq!(get(&nowhere, HOST, port).await, Err(OutboundError::NotFound));
}

/// Variables of the environment are of a whole process: this one runs itself again with them.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    const NAME: &str = "addresses::a_proxy_of_the_environment_is_not_used";
    const AGAIN: &str = "ATTESTRY_TEST_WITH_PROXY";
    if std::env::var_os(AGAIN).is_some() {
        let listener = Listener::start(OK).await;
        let names = Names::answering(&[&["127.0.0.1"]]);
        let outbound = outbound(config(internal(HOST, listener.port)), &names);
        assert_eq!(get(&outbound, HOST, listener.port).await.unwrap(), b"ok");
        return;
    }
    let proxy = Listener::start(Answers::With("HTTP/1.1 502 No\r\n\r\n")).await;
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", NAME]).env(AGAIN, "1");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(name, &url);
    }
    let ran = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"));
    assert_eq!(proxy.seen(), [""; 0]);
}
