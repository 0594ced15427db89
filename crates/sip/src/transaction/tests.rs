//! Each machine on its own: what it does at which tick. Times are milliseconds.

use super::*;
use StatusClass::{Failure, Provisional, Success};

const UDP: Reliability = Reliability::Unreliable;
const TCP: Reliability = Reliability::Reliable;

fn at(millis: u64) -> Ticks {
    Ticks::from_millis(millis)
}

/// Fires a machine's timers in order until none is left; tells when a request or response went out again.
fn run<Action: Copy>(
    mut started: Vec<(Timer, Ticks)>,
    mut fire: impl FnMut(Timer, Ticks, &mut Vec<Action>),
    timer_of: impl Fn(Action) -> Option<(Timer, Ticks)>,
) -> Vec<(u64, Action)> {
    let mut seen = Vec::new();
    while let Some(next) = (0..started.len()).min_by_key(|index| started[*index].1) {
        let (timer, now) = started.remove(next);
        let mut out = Vec::new();
        fire(timer, now, &mut out);
        for action in out {
            match timer_of(action) {
                Some(timer) => started.push(timer),
                None => seen.push((now.as_micros() / 1000, action)),
            }
        }
    }
    seen
}

fn client_timer(action: ClientAction) -> Option<(Timer, Ticks)> {
    match action {
        ClientAction::Start(timer, at) => Some((timer, at)),
        _ => None,
    }
}

fn server_timer(action: ServerAction) -> Option<(Timer, Ticks)> {
    match action {
        ServerAction::Start(timer, at) => Some((timer, at)),
        _ => None,
    }
}

fn client_timers(out: &[ClientAction]) -> Vec<(Timer, Ticks)> {
    out.iter().copied().filter_map(client_timer).collect()
}

fn server_timers(out: &[ServerAction]) -> Vec<(Timer, Ticks)> {
    out.iter().copied().filter_map(server_timer).collect()
}

#[test]
fn an_invite_nobody_answers_is_sent_seven_times_and_given_up_after_32_seconds() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), UDP, at(0), &mut out);
    assert_eq!(out[0], ClientAction::SendRequest);
    let seen = run(
        client_timers(&out),
        |timer, now, out| client.fire(timer, now, out),
        client_timer,
    );
    let mut expected: Vec<_> = [500, 1_500, 3_500, 7_500, 15_500, 31_500]
        .map(|at| (at, ClientAction::SendRequest))
        .to_vec();
    expected.push((32_000, ClientAction::TimedOut));
    assert_eq!(seen, expected);
    assert!(client.is_terminated());
}

#[test]
fn over_tcp_an_invite_is_sent_once() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), TCP, at(0), &mut out);
    let seen = run(
        client_timers(&out),
        |timer, now, out| client.fire(timer, now, out),
        client_timer,
    );
    assert_eq!(seen, [(32_000, ClientAction::TimedOut)]);
}

#[test]
fn a_provisional_response_ends_retransmission_and_timer_b() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), UDP, at(0), &mut out);
    let timers = client_timers(&out);
    out.clear();
    client.receive(Provisional, at(100), &mut out);
    client.receive(Provisional, at(200), &mut out);
    assert_eq!(out, [ClientAction::Deliver; 2]);
    assert!(client.is_proceeding());
    let seen = run(
        timers,
        |timer, now, out| client.fire(timer, now, out),
        client_timer,
    );
    assert_eq!(seen, []);
    assert!(client.is_proceeding(), "only timer C or a CANCEL ends it");
}

#[test]
fn a_rejection_is_acknowledged_each_time_and_delivered_once() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), UDP, at(0), &mut out);
    out.clear();
    client.receive(Failure, at(100), &mut out);
    assert_eq!(
        out,
        [
            ClientAction::SendAck,
            ClientAction::Start(Timer::D, at(32_100)),
            ClientAction::Deliver
        ]
    );
    out.clear();
    client.receive(Failure, at(600), &mut out);
    client.receive(Success, at(700), &mut out);
    client.receive(Provisional, at(700), &mut out);
    assert_eq!(out, [ClientAction::SendAck]);
    client.fire(Timer::D, at(32_100), &mut out);
    assert!(client.is_terminated());
}

#[test]
fn over_tcp_a_rejected_invite_is_over_at_once() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), TCP, at(0), &mut out);
    out.clear();
    client.receive(Failure, at(100), &mut out);
    assert_eq!(out, [ClientAction::SendAck, ClientAction::Deliver]);
    assert!(client.is_terminated());
}

#[test]
fn every_2xx_is_delivered_and_none_acknowledged() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), UDP, at(0), &mut out);
    out.clear();
    client.receive(Success, at(100), &mut out);
    client.receive(Success, at(600), &mut out);
    client.receive(Failure, at(700), &mut out);
    assert_eq!(
        out,
        [
            ClientAction::Start(Timer::M, at(32_100)),
            ClientAction::Deliver,
            ClientAction::Deliver
        ]
    );
    client.fire(Timer::M, at(32_100), &mut out);
    assert!(client.is_terminated());
}

#[test]
fn falling_back_to_udp_sends_again_and_keeps_timer_b() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), TCP, at(0), &mut out);
    out.clear();
    client.fall_back_to_unreliable(at(200), &mut out);
    assert_eq!(
        out,
        [
            ClientAction::SendRequest,
            ClientAction::Start(Timer::A, at(700)),
            ClientAction::Start(Timer::B, at(32_000))
        ]
    );
    client.receive(Provisional, at(300), &mut out);
    out.clear();
    client.fall_back_to_unreliable(at(400), &mut out);
    assert_eq!(out, [], "somebody has answered");
}

#[test]
fn a_timer_that_was_reset_does_nothing_at_its_old_time() {
    let mut out = Vec::new();
    let mut client = InviteClient::start(Timing::default(), UDP, at(0), &mut out);
    out.clear();
    client.fire(Timer::A, at(499), &mut out);
    assert_eq!(out, []);
    client.fire(Timer::A, at(500), &mut out);
    out.clear();
    client.fire(Timer::A, at(500), &mut out);
    assert_eq!(out, [], "it is due at 1500 now");
}

#[test]
fn a_rejection_is_repeated_until_acknowledged() {
    let mut out = Vec::new();
    let mut server = InviteServer::start(Timing::default(), UDP);
    server.respond(Provisional, at(0), &mut out);
    server.receive_retransmission(&mut out);
    assert_eq!(out, [ServerAction::Send, ServerAction::Resend]);
    out.clear();
    server.respond(Failure, at(0), &mut out);
    let seen = run(
        server_timers(&out),
        |timer, now, out| server.fire(timer, now, out),
        server_timer,
    );
    let mut expected: Vec<_> = [
        500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ]
    .map(|at| (at, ServerAction::Resend))
    .to_vec();
    expected.push((32_000, ServerAction::AckMissing));
    assert_eq!(seen, expected);
    assert!(server.is_terminated());
}

#[test]
fn an_ack_ends_the_repetition_and_more_acks_are_absorbed() {
    let mut out = Vec::new();
    let mut server = InviteServer::start(Timing::default(), UDP);
    server.respond(Failure, at(0), &mut out);
    out.clear();
    server.receive_ack(at(100), &mut out);
    assert_eq!(out, [ServerAction::Start(Timer::I, at(5_100))]);
    out.clear();
    server.receive_ack(at(200), &mut out);
    server.receive_retransmission(&mut out);
    server.respond(Success, at(200), &mut out);
    server.fire(Timer::G, at(500), &mut out);
    assert_eq!(out, []);
    server.fire(Timer::I, at(5_100), &mut out);
    assert!(server.is_terminated());
}

#[test]
fn over_tcp_a_rejection_is_sent_once_and_over_with_its_ack() {
    let mut out = Vec::new();
    let mut server = InviteServer::start(Timing::default(), TCP);
    server.respond(Failure, at(0), &mut out);
    assert_eq!(
        out,
        [
            ServerAction::Send,
            ServerAction::Start(Timer::H, at(32_000))
        ]
    );
    server.receive_ack(at(100), &mut out);
    assert!(server.is_terminated());
}

#[test]
fn after_a_2xx_the_invite_is_absorbed_and_the_ack_passed_up() {
    let mut out = Vec::new();
    let mut server = InviteServer::start(Timing::default(), UDP);
    server.respond(Success, at(0), &mut out);
    assert_eq!(
        out,
        [
            ServerAction::Send,
            ServerAction::Start(Timer::L, at(32_000))
        ]
    );
    out.clear();
    server.receive_retransmission(&mut out);
    assert_eq!(out, [], "not a new request, not answered again");
    server.respond(Success, at(500), &mut out);
    server.respond(Failure, at(600), &mut out);
    server.receive_ack(at(700), &mut out);
    assert_eq!(out, [ServerAction::Send, ServerAction::DeliverAck]);
    server.fire(Timer::L, at(32_000), &mut out);
    assert!(server.is_terminated());
}

#[test]
fn a_request_nobody_answers_is_repeated_up_to_every_four_seconds() {
    let mut out = Vec::new();
    let mut client = NonInviteClient::start(Timing::default(), UDP, at(0), &mut out);
    assert_eq!(out[0], ClientAction::SendRequest);
    let seen = run(
        client_timers(&out),
        |timer, now, out| client.fire(timer, now, out),
        client_timer,
    );
    let mut expected: Vec<_> = [
        500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ]
    .map(|at| (at, ClientAction::SendRequest))
    .to_vec();
    expected.push((32_000, ClientAction::TimedOut));
    assert_eq!(seen, expected);
}

#[test]
fn a_provisional_response_slows_a_request_down_but_does_not_end_it() {
    let mut out = Vec::new();
    let mut client = NonInviteClient::start(Timing::default(), UDP, at(0), &mut out);
    let timers = client_timers(&out);
    client.receive(Provisional, at(100), &mut out);
    let seen = run(
        timers,
        |timer, now, out| client.fire(timer, now, out),
        client_timer,
    );
    let times: Vec<_> = seen.iter().map(|(at, _)| *at).collect();
    assert_eq!(
        times,
        [
            500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500, 32_000
        ]
    );
}

#[test]
fn one_final_response_to_a_request_is_delivered() {
    let mut out = Vec::new();
    let mut client = NonInviteClient::start(Timing::default(), UDP, at(0), &mut out);
    out.clear();
    client.receive(Success, at(100), &mut out);
    client.receive(Success, at(200), &mut out);
    client.receive(Failure, at(300), &mut out);
    assert_eq!(
        out,
        [
            ClientAction::Start(Timer::K, at(5_100)),
            ClientAction::Deliver
        ]
    );
    client.fire(Timer::K, at(5_100), &mut out);
    assert!(client.is_terminated());
}

#[test]
fn a_slow_answer_is_preceded_by_a_100_when_timer_e_is_t2() {
    assert_eq!(
        Timing::default().until_timer_e_is_t2(),
        Duration::from_millis(3_500)
    );
    let mut out = Vec::new();
    let mut server = NonInviteServer::start(Timing::default(), UDP, at(0), &mut out);
    assert_eq!(out, [ServerAction::Start(Timer::Trying, at(3_500))]);
    out.clear();
    server.receive_retransmission(&mut out);
    server.respond(Provisional, at(1_000), &mut out);
    assert_eq!(out, [], "RFC 4320: no 1xx of our user, no 100 before");
    server.fire(Timer::Trying, at(3_500), &mut out);
    server.receive_retransmission(&mut out);
    assert_eq!(out, [ServerAction::SendTrying, ServerAction::Resend]);
    out.clear();
    server.respond(Success, at(4_000), &mut out);
    server.respond(Failure, at(4_000), &mut out);
    server.receive_retransmission(&mut out);
    assert_eq!(
        out,
        [
            ServerAction::Send,
            ServerAction::Start(Timer::J, at(36_000)),
            ServerAction::Resend
        ]
    );
    server.fire(Timer::J, at(36_000), &mut out);
    assert!(server.is_terminated());
}

/// Found by the figures (`tests/it/transactions`): the first reset of Timer E is after T1, however long that is.
#[test]
fn where_t1_is_longer_than_t2_the_100_waits_for_t1() {
    let timing = |t1, t2| Timing {
        t1: Duration::from_millis(t1),
        t2: Duration::from_millis(t2),
        t4: T4,
    };
    for (t1, t2, expected) in [
        (922, 457, 922),
        (500, 500, 500),
        (500, 501, 500),
        (500, 1_000, 500),
        (500, 1_001, 1_500),
    ] {
        assert_eq!(
            timing(t1, t2).until_timer_e_is_t2(),
            Duration::from_millis(expected),
            "{t1} {t2}"
        );
    }
}

#[test]
fn what_is_abandoned_is_never_answered() {
    let mut out = Vec::new();
    let mut server = NonInviteServer::start(Timing::default(), UDP, at(0), &mut out);
    server.abandon();
    assert!(server.is_terminated());
    out.clear();
    server.respond(Success, at(1), &mut out);
    assert_eq!(out, []);
}
