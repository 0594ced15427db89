//! A shard that reads sockets itself, on a table: real sockets, and a clock wound by hand.

use super::*;
use crate::sip::helm::Reading;
use crate::sip::queue::{ShardQueue, queue};
use crate::sip::stage::{PATIENCE, Stage, invite, loopback_listener, socket};
use countersign_sip::element::Input;
use countersign_sip::own_call_id::OwnCallIds;
use countersign_sip::trunk::Role;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

struct Table {
    stage: Stage,
    helm: Arc<Helm>,
    queue: ShardQueue,
    intake: Intake,
    caller: UdpSocket,
}

impl Table {
    fn new(listeners: &[UdpListener]) -> Self {
        let stage = Stage::new(Role::None, |_| {});
        let helm = Arc::new(Helm::new(1));
        let bell = Arc::new(Bell::new().unwrap());
        let (queue, arrivals) = queue(16, &stage.services, 0, Some(bell.clone()));
        let reception = Arc::new(Reception::new(
            stage.services.clone(),
            vec![queue.clone()],
            OwnCallIds::new(&[7; 16]),
            helm.clone(),
        ));
        let clock = stage.clock.clone();
        let sockets = OwnSockets::new(listeners, bell, reception, helm.clone(), clock);
        Self {
            stage,
            helm,
            queue,
            intake: Intake::new(arrivals, Some(sockets)),
            caller: socket(),
        }
    }

    fn call(&self, listener: &UdpListener, call_id: &str) {
        let text = invite(self.caller.local_addr().unwrap(), call_id, "");
        let sent = self.caller.send_to(text.as_bytes(), listener.local());
        assert_eq!(sent.unwrap(), text.len());
    }

    /// What one turn brings: the Call-IDs of messages, and `-` for what came by the queue.
    fn turn(&mut self, limit: Duration) -> Vec<String> {
        let first = self.intake.wait(limit).unwrap();
        let queued = first.into_iter().chain(self.intake.arrivals().try_iter());
        let mut came: Vec<_> = queued.map(|_| "-".to_owned()).collect();
        self.intake.read(|event, _| {
            let Event::Input(Input::Received { message, .. }, _) = event else {
                panic!("only messages come by sockets")
            };
            let call_id = message.call_id().unwrap();
            came.push(String::from_utf8_lossy(call_id).into_owned());
        });
        came
    }

    /// What turns bring until there is so much of it.
    fn turns(&mut self, count: usize) -> Vec<String> {
        let (mut came, begun) = (Vec::new(), Instant::now());
        while came.len() < count {
            assert!(begun.elapsed() < PATIENCE, "{came:?} of {count}");
            came.extend(self.turn(Duration::from_millis(50)));
        }
        came.sort_unstable();
        came
    }

    fn sockets(&self) -> &OwnSockets {
        self.intake.sockets.as_ref().unwrap()
    }
}

#[test]
fn what_is_sent_to_a_shard_that_falls_asleep_wakes_it() {
    const ROUNDS: usize = 50_000;
    let Table {
        queue, mut intake, ..
    } = Table::new(&[]);
    let taken = Arc::<AtomicUsize>::default();
    let told = taken.clone();
    std::thread::spawn(move || {
        while told.load(Ordering::Acquire) < ROUNDS {
            // Nobody is so patient: one ring lost is seen below.
            let first = intake.wait(4 * PATIENCE).unwrap();
            if first.or_else(|| intake.arrivals().try_recv()).is_some() {
                told.fetch_add(1, Ordering::Release);
            }
        }
    });
    for round in 0..ROUNDS {
        let begun = Instant::now();
        while taken.load(Ordering::Acquire) < round {
            assert!(begun.elapsed() < PATIENCE, "it slept through event {round}");
            std::thread::yield_now();
        }
        // It is about to lie down: a little earlier or later each time.
        for _ in 0..round % 97 {
            std::hint::spin_loop();
        }
        assert!(queue.try_send(Event::Stop).is_ok());
    }
}

#[test]
fn a_shard_hears_its_queue_and_all_its_sockets() {
    let listeners = [loopback_listener(), loopback_listener()];
    let mut table = Table::new(&listeners);
    assert!(table.turn(Duration::from_millis(1)).is_empty());
    table.call(&listeners[0], "one");
    table.call(&listeners[1], "two");
    assert!(table.queue.try_send(Event::Stop).is_ok());
    assert_eq!(table.turns(3), ["-", "one", "two"]);
    // Who has something to do does not sleep, and neither does who has something in the queue: sockets are read nevertheless.
    table.call(&listeners[1], "three");
    assert_eq!(table.turn(Duration::ZERO), ["three"]);
    table.call(&listeners[0], "four");
    assert!(table.queue.try_send(Event::Stop).is_ok());
    assert_eq!(table.turn(PATIENCE), ["-", "four"]);
}

#[test]
fn a_socket_that_has_much_leaves_time_for_others() {
    let listener = loopback_listener();
    let mut table = Table::new(std::slice::from_ref(&listener));
    for number in 0..=BATCH {
        table.call(&listener, &number.to_string());
    }
    assert_eq!(table.turn(PATIENCE).len(), BATCH);
    assert_eq!(table.turn(PATIENCE), [BATCH.to_string()]);
}

#[test]
fn what_another_process_reads_is_left_to_it() {
    let listener = loopback_listener();
    let mut table = Table::new(std::slice::from_ref(&listener));
    table.helm.set_reading(Reading::Elsewhere);
    table.call(&listener, "a");
    for limit in [Duration::ZERO, PATIENCE] {
        assert!(table.turn(limit).is_empty(), "it looks again in a moment");
    }
    table.helm.set_reading(Reading::Here);
    assert_eq!(table.turns(1), ["a"]);
}

#[test]
fn a_socket_that_cannot_be_read_ends_nothing() {
    // Whoever knocks makes it look as if it had something.
    let knocked = TcpListener::bind("127.0.0.1:0").unwrap();
    let _knock = TcpStream::connect(knocked.local_addr().unwrap()).unwrap();
    let broken = UdpListener::inherited(UdpSocket::from(OwnedFd::from(knocked))).unwrap();
    let listener = loopback_listener();
    let mut table = Table::new(&[broken, listener.clone()]);
    let silent_until = |table: &Table| table.sockets().sockets[0].silent_until;
    assert!(table.turn(PATIENCE).is_empty());
    let first = silent_until(&table);
    assert!(first > Ticks::default());
    for limit in [Duration::ZERO, Duration::from_millis(1)] {
        table.stage.clock.advance(1);
        assert!(table.turn(limit).is_empty());
        assert_eq!(silent_until(&table), first, "it was left alone");
    }
    table.call(&listener, "a");
    assert_eq!(table.turns(1), ["a"]);
    let pause = u64::try_from(FAULT_PAUSE.as_millis()).unwrap();
    table.stage.clock.advance(pause);
    assert!(table.turn(PATIENCE).is_empty());
    assert!(silent_until(&table) > first, "it was tried again");
}
