#include "fault.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t happened;
static uintptr_t page_size;

static void
put_zeros(int number, siginfo_t *info, void *context)
{
    uintptr_t page = (uintptr_t)info->si_addr & ~(page_size - 1);

    (void)context;
    happened = 1;
    if (info->si_code == BUS_ADRERR &&
        mmap((void *)page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
            MAP_FAILED)
        return;
    /* Another fault, or no remedy: the same instruction ends the process now. */
    signal(number, SIG_DFL);
}

void
fault_watch(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = put_zeros;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGBUS, &action, NULL);
}

bool
fault_happened(void)
{
    bool was = happened != 0;

    happened = 0;
    return was;
}
