//! A connection that stays with its worker when it wakes itself.
//!
//! hyper hands the body of a request over inside the one task of its connection, and wakes that task when the body is taken. To the runtime, a
//! task that wakes itself is work that another worker could do: it would rouse a sleeping thread for each request with a body.
//! [`Steady`] goes on at once instead, for a few turns.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Most turns in a row before others go first. A body that comes in one piece takes two.
const MAX_TURNS: usize = 4;

/// A future that is polled again at once when it is woken while it is polled.
pub(super) struct Steady<F> {
    future: F,
    bell: Arc<Bell>,
    waker: Waker,
}

impl<F> Steady<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell::default());
        let waker = bell.clone().into();
        Self {
            future,
            bell,
            waker,
        }
    }
}

impl<F: Future + Unpin> Future for Steady<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.bell.belongs_to(cx.waker());
        for _ in 0..MAX_TURNS {
            this.bell.listen();
            let future = Pin::new(&mut this.future);
            if let Poll::Ready(output) = future.poll(&mut Context::from_waker(&this.waker)) {
                return Poll::Ready(output);
            }
            if !this.bell.has_rung() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What wakes the future: rung while it is polled, it is only heard; otherwise it wakes the task.
#[derive(Default)]
struct Bell {
    state: AtomicU8,
    task: Mutex<Option<Waker>>,
}

/// Nobody polls the future.
const IDLE: u8 = 0;
/// It is polled, and was not woken since.
const POLLED: u8 = 1;
/// It is polled, and must be once more.
const RUNG: u8 = 2;

impl Bell {
    fn belongs_to(&self, waker: &Waker) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    fn listen(&self) {
        self.state.store(POLLED, Ordering::Release);
    }

    /// Whether it has rung since somebody listens; nobody does from now on.
    fn has_rung(&self) -> bool {
        self.state.swap(IDLE, Ordering::AcqRel) == RUNG
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let heard = self
            .state
            .compare_exchange(POLLED, RUNG, Ordering::AcqRel, Ordering::Acquire);
        if heard == Err(IDLE) {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(task) = &*task {
                task.wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Count {
        fn now(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A future that wakes itself so many times and has ended then, polled once: what it came to, and how often its task was woken.
    fn wakes_itself(times: usize) -> (Poll<()>, usize) {
        let woken = Arc::new(Count::default());
        let mut left = times;
        let future = poll_fn(|cx| match left {
            0 => Poll::Ready(()),
            _ => {
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        });
        let waker = Waker::from(woken.clone());
        let polled = Pin::new(&mut Steady::new(future)).poll(&mut Context::from_waker(&waker));
        (polled, woken.now())
    }

    #[test]
    fn who_wakes_itself_goes_on_at_once_and_not_for_ever() {
        assert_eq!(wakes_itself(1), (Poll::Ready(()), 0));
        assert_eq!(wakes_itself(MAX_TURNS - 1), (Poll::Ready(()), 0));
        assert_eq!(wakes_itself(MAX_TURNS), (Poll::Pending, 1));
    }

    #[test]
    fn who_is_woken_by_others_wakes_the_task_it_was_polled_in_last() {
        let [first, last] = [Arc::new(Count::default()), Arc::new(Count::default())];
        let mut inner = None;
        let mut steady = Steady::new(poll_fn(|cx| {
            inner = Some(cx.waker().clone());
            Poll::<()>::Pending
        }));
        for task in [&first, &last] {
            let waker = Waker::from(task.clone());
            let polled = Pin::new(&mut steady).poll(&mut Context::from_waker(&waker));
            assert_eq!(polled, Poll::Pending);
        }
        drop(steady);
        inner.unwrap().wake();
        assert_eq!((first.now(), last.now()), (0, 1));
    }
}
