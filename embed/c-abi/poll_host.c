/* poll(2) and evloop in one thread.
 *
 *     cargo build && cc -Iinclude poll_host.c -Ltarget/debug -levloop_c -o poll_host
 */
#include <poll.h>
#include <stdio.h>

#include "evloop.h"

static int left = 3;
static evloop *inner;

static void tick(void *data)
{
    (void)data;
    printf("evloop: %d left\n", --left);
    if (left > 0)
        evloop_call_later(inner, 2000000, tick, NULL);
}

int main(void)
{
    inner = evloop_create();
    struct pollfd fd = {.fd = evloop_fd(inner), .events = POLLIN};
    if (fd.fd < 0 || evloop_call_later(inner, 2000000, tick, NULL) != EVLOOP_OK)
        return 1;
    while (left > 0) {
        if (poll(&fd, 1, -1) == 1 && evloop_run_once(inner, 0) != EVLOOP_OK)
            return 1;
    }
    return evloop_free(inner) == EVLOOP_OK ? 0 : 1;
}
