//! Workloads of channels and oneshots: g, g1, h.

use super::{Executor, Outcome, Stopwatch, scaled};
use crate::Rng;
use std::{cell::RefCell, rc::Rc};

/// g: v one way, v + 1 back, over two channels of capacity one.
pub(super) fn channel_ping_pong<E: Executor>() -> Outcome {
    let ops = scaled(500_000);
    E::block_on(async move {
        let (there, mut here) = E::channel::<u64>();
        let (back, mut answers) = E::channel::<u64>();
        let watch = Stopwatch::start();
        let pong = E::spawn(async move {
            while let Some(value) = E::receive(&mut here).await {
                E::send(&back, value + 1).await;
            }
        });
        let ping = E::spawn(async move {
            for v in 0..ops {
                E::send(&there, v).await;
                assert_eq!(E::receive(&mut answers).await, Some(v + 1));
            }
        });
        E::join(ping).await;
        E::join(pong).await;
        watch.stop(ops)
    })
}

/// g1: each request carries the oneshot for its reply.
pub(super) fn oneshot_replies<E: Executor>() -> Outcome {
    let ops = scaled(500_000);
    E::block_on(async move {
        let (requests, mut incoming) = E::channel::<(u64, E::OneSender<u64>)>();
        let watch = Stopwatch::start();
        let server = E::spawn(async move {
            while let Some((value, reply)) = E::receive(&mut incoming).await {
                E::complete(reply, value + 1);
            }
        });
        let client = E::spawn(async move {
            for v in 0..ops {
                let (reply, answer) = E::oneshot();
                E::send(&requests, (v, reply)).await;
                assert_eq!(E::completed(answer).await, v + 1);
            }
        });
        E::join(client).await;
        E::join(server).await;
        watch.stop(ops)
    })
}

/// The pending oneshots of h by place; a place is empty between being completed and being taken.
type Senders<E> = Rc<RefCell<Vec<Option<<E as Executor>::OneSender<usize>>>>>;

/// h: a thousand pending, a random one completed, the first completed taken and replaced.
pub(super) fn first_completed<E: Executor>() -> Outcome {
    const PENDING: usize = 1000;
    let ops = scaled(300_000);
    E::block_on(async move {
        let senders: Senders<E> = Rc::default();
        let mut set = E::first::<usize>();
        for _ in 0..PENDING {
            let (sender, receiver) = E::oneshot();
            senders.borrow_mut().push(Some(sender));
            E::put(&mut set, receiver);
        }
        let watch = Stopwatch::start();
        let completer = E::spawn(complete_at_random::<E>(senders.clone(), ops));
        for _ in 0..ops {
            let slot = E::next(&mut set).await;
            let (sender, receiver) = E::oneshot();
            senders.borrow_mut()[slot] = Some(sender);
            E::put(&mut set, receiver);
        }
        E::join(completer).await;
        watch.stop(ops)
    })
}

async fn complete_at_random<E: Executor>(senders: Senders<E>, ops: u64) {
    let mut rng = Rng::default();
    for _ in 0..ops {
        let (slot, sender) = loop {
            let slot = rng.below(senders.borrow().len() as u64) as usize;
            let sender = senders.borrow_mut()[slot].take();
            if let Some(sender) = sender {
                break (slot, sender);
            }
        };
        E::complete(sender, slot);
        E::yield_now().await;
    }
}
