use evloop::{NotInTask, TaskLocal, spawn, spawn_eager, yield_now};

use crate::virtual_loop;

static NAME: TaskLocal<String> = TaskLocal::new();
static OTHER: TaskLocal<String> = TaskLocal::new();

#[test]
fn ctx_01_a_task_begins_with_a_copy_and_neither_sees_what_the_other_sets_later() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            NAME.set("parent".into()).unwrap();
            let child = spawn(async {
                let before = NAME.get();
                NAME.set("child".into()).unwrap();
                yield_now().await;
                (before, NAME.get(), OTHER.get())
            });
            let eager = spawn_eager(async { NAME.get() });
            NAME.set("later".into()).unwrap();
            OTHER.set("mine".into()).unwrap();
            yield_now().await;
            yield_now().await;
            assert_eq!(NAME.get().as_deref(), Some("later"));
            assert_eq!(eager.await.unwrap().as_deref(), Some("parent"));
            let child = child.await.unwrap();
            assert_eq!((child.0.as_deref(), child.1.as_deref()), (Some("parent"), Some("child")));
            assert_eq!(child.2, None);
        })
        .unwrap();
}

#[test]
fn ctx_01_outside_of_tasks_there_is_no_value_and_none_can_be_set() {
    assert_eq!(NAME.get(), None);
    assert_eq!(NAME.set("nobody's".into()), Err(NotInTask));
    assert!(NAME.with(|value| value.is_none()));
}

#[test]
fn ctx_02_a_scope_gives_the_value_back_at_each_wait_and_at_its_end() {
    let (event_loop, _) = virtual_loop();
    event_loop
        .run_until_complete(async {
            NAME.set("outer".into()).unwrap();
            let inside = NAME.scope("inner".into(), async {
                let before = NAME.get();
                yield_now().await;
                let child = spawn(async { NAME.get() });
                (before, NAME.get(), child.await.unwrap())
            });
            let beside = async {
                yield_now().await;
                NAME.get()
            };
            let (inside, beside) = evloop::join!(inside, beside);
            let inner = Some("inner".to_string());
            assert_eq!(inside, (inner.clone(), inner.clone(), inner));
            assert_eq!((beside.as_deref(), NAME.get().as_deref()), (Some("outer"), Some("outer")));
        })
        .unwrap();
}
