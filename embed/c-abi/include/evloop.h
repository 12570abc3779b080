/* evloop inside of another event loop. src/lib.rs has the rules. */
#ifndef EVLOOP_H
#define EVLOOP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    EVLOOP_OK = 0,
    EVLOOP_NULL = -1,         /* the pointer is null */
    EVLOOP_WRONG_THREAD = -2, /* the loop is another thread's */
    EVLOOP_CLOSED = -3,
    EVLOOP_RUNNING = -4, /* a callback cannot turn, close or free its loop */
    EVLOOP_FORKED = -5,  /* the loop was made before a fork(2) */
    EVLOOP_IO = -6,      /* the kernel refused */
    EVLOOP_PANIC = -7,   /* a bug of evloop's */
};

typedef struct evloop evloop;

evloop *evloop_create(void);                         /* NULL: no descriptor is left */
int32_t evloop_fd(const evloop *);                   /* wait for it to be readable; do not read it */
int32_t evloop_run_once(const evloop *, int64_t timeout_ns); /* < 0: without end */
int64_t evloop_next_deadline_ns(const evloop *);     /* -1: no timer */
int32_t evloop_call_later(const evloop *, uint64_t delay_ns, void (*callback)(void *), void *data);
int32_t evloop_close(const evloop *);
int32_t evloop_free(evloop *);

#ifdef __cplusplus
}
#endif
#endif
