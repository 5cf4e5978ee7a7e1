// fakecpu.so: pretends to a process, and to everything it starts, that the machine has other CPUs than it has.
//
// Preloaded into the slurmds of the throwaway cluster and into what they start, so that a node of 8 or 64 CPUs can be
// tested on a machine with two. Two variables switch it on; without them every call goes straight to libc:
//   FAKECPU_CPUS=FILE     the CPUs to pretend, in Linux's list form: 0-7
//   FAKECPU_TABLE=FILE    everybody's mask: one struct record for each thread id, in a sparse file that all map
//
// A mask that somebody sets is kept in the table and given back to whoever asks, from whichever process. The kernel
// gets the same mask folded onto the real CPUs, so that work that is pinned apart is spread as far as the machine
// allows. A record names the thread's start time: a thread id that was used before has no mask from its former life.
//
// What it cannot pretend: /proc/*/status, cpuset cgroups, static programs, masks in pthread attributes, speed.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// `born` is the start time of the thread that the mask belongs to; 0: none. Who meets kBusy tries again.
struct record {
    _Atomic uint64_t born;
    cpu_set_t mask;
};
static const uint64_t kBusy = UINT64_MAX;

static struct {
    struct record* table;  // NULL: switched off
    size_t records;
    cpu_set_t cpus;  // the pretended ones
    int count;
    int highest;
    int real_cpus;
} fake;
static long (*libc_sysconf)(int);
static long (*libc_syscall)(long, ...);
static int (*libc_getcpu)(void);
static int (*libc_create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

static ssize_t read_file(const char* path, char* text, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    const ssize_t n = read(fd, text, size - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n;
}

// When the thread started, in clock ticks since boot; 0: there is no such thread. Used between fork and exec: it calls
// nothing that allocates.
static uint64_t start_time(pid_t tid) {
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", tid);
    const char* field = read_file(path, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    for (int number = 2; field != NULL && number < 22; ++number) {  // the name, field 2, may hold spaces
        field = strchr(field + 1, ' ');
    }
    return field != NULL ? strtoull(field, NULL, 10) : 0;
}

static bool load(pid_t tid, cpu_set_t* mask) {
    if (tid <= 0 || (size_t)tid >= fake.records) {
        return false;
    }
    struct record* r = &fake.table[tid];
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const uint64_t born = atomic_load(&r->born);
        memcpy(mask, &r->mask, sizeof *mask);
        if (born != kBusy && born == atomic_load(&r->born)) {
            return born != 0 && born == start_time(tid);
        }
        sched_yield();
    }
    return false;
}

// `inherited`: what a thread has from its maker. It stores that itself, maybe after somebody has set its mask
// (slurmstepd does not wait until a task that it forked has run): then that stays.
static void store(pid_t tid, const cpu_set_t* mask, bool inherited) {
    const uint64_t born = start_time(tid);
    if (tid <= 0 || (size_t)tid >= fake.records || born == 0) {
        return;
    }
    struct record* r = &fake.table[tid];
    uint64_t before = atomic_load(&r->born);
    for (int attempt = 0; attempt < 1000; ++attempt) {
        if (before != kBusy && atomic_compare_exchange_strong(&r->born, &before, kBusy)) {
            break;
        }
        sched_yield();
        before = atomic_load(&r->born);
    }
    if (!inherited || before != born) {
        memcpy(&r->mask, mask, sizeof *mask);
    }
    atomic_store(&r->born, born);
}

static pid_t status_field(const char* status, const char* name) {
    const char* at = strstr(status, name);
    return at != NULL ? (pid_t)strtol(at + strlen(name), NULL, 10) : 0;
}

// The mask of a thread: its own, else its process's, else what its ancestors passed on, else every CPU.
static void mask_of(pid_t tid, cpu_set_t* mask) {
    for (int generation = 0; generation < 64 && tid > 1; ++generation) {
        if (load(tid, mask)) {
            return;
        }
        char path[64];
        char status[4096];
        snprintf(path, sizeof path, "/proc/%d/status", tid);
        if (read_file(path, status, sizeof status) <= 0) {
            break;
        }
        const pid_t process = status_field(status, "\nTgid:");
        if (process != tid && load(process, mask)) {
            return;
        }
        tid = status_field(status, "\nPPid:");
    }
    *mask = fake.cpus;
}

// --- A mask passes on at fork, at exec and to new threads.

static __thread cpu_set_t forking;

static void before_fork(void) { mask_of(gettid(), &forking); }
static void in_child(void) { store(gettid(), &forking, true); }

struct thread_start {
    void* (*run)(void*);
    void* argument;
    cpu_set_t mask;
};

static void* thread_main(void* p) {
    struct thread_start start = *(struct thread_start*)p;
    free(p);
    store(gettid(), &start.mask, true);
    return start.run(start.argument);
}

static bool parse_cpus(const char* list) {
    for (const char* at = list; *at != '\0' && *at != '\n';) {
        char* end = NULL;
        const long first = strtol(at, &end, 10);
        const long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        if (end == at || first < 0 || last < first || last >= CPU_SETSIZE) {
            return false;
        }
        for (long cpu = first; cpu <= last; ++cpu) {
            CPU_SET((size_t)cpu, &fake.cpus);
            fake.highest = cpu > fake.highest ? (int)cpu : fake.highest;
        }
        at = *end == ',' ? end + 1 : end;
    }
    fake.count = CPU_COUNT(&fake.cpus);
    return fake.count > 0;
}

// Libraries that are initialised before this one (an allocator that counts the CPUs) may call in before the
// constructor: every entry point comes through here, and nothing in it allocates.
static void initialise(void) {
    libc_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    libc_getcpu = (int (*)(void))dlsym(RTLD_NEXT, "sched_getcpu");
    libc_create =
        (int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))dlsym(RTLD_NEXT, "pthread_create");
    libc_sysconf = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
    fake.real_cpus = (int)libc_sysconf(_SC_NPROCESSORS_ONLN);
    const char* cpus = getenv("FAKECPU_CPUS");
    const char* table = getenv("FAKECPU_TABLE");
    char list[4096];
    if (cpus == NULL || table == NULL || read_file(cpus, list, sizeof list) <= 0 || !parse_cpus(list)) {
        return;
    }
    const int fd = open(table, O_RDWR | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        void* at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        fake.records = at != MAP_FAILED ? (size_t)st.st_size / sizeof(struct record) : 0;
        fake.table = at != MAP_FAILED ? at : NULL;
    }
    if (fd >= 0) {
        close(fd);
    }
}

static bool on(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialise);
    return fake.table != NULL;
}

// posix_spawn and vfork run no fork handlers: at the latest now the program has a mask of its own.
__attribute__((constructor)) static void begin(void) {
    if (on()) {
        cpu_set_t mask;
        mask_of(getpid(), &mask);
        store(getpid(), &mask, true);
        pthread_atfork(before_fork, NULL, in_child);
    }
}

// --- Reading and setting, with the kernel's errors

static int get_mask(pid_t tid, size_t size, void* out) {
    if (tid != 0 && start_time(tid) == 0) {
        errno = ESRCH;
        return -1;
    }
    if (size * 8 <= (size_t)fake.highest || size % sizeof(long) != 0) {
        errno = EINVAL;
        return -1;
    }
    cpu_set_t mask;
    mask_of(tid != 0 ? tid : gettid(), &mask);
    memset(out, 0, size);
    memcpy(out, &mask, size < sizeof mask ? size : sizeof mask);
    return 0;
}

static int set_mask(pid_t tid, size_t size, const void* in) {
    cpu_set_t wanted;
    cpu_set_t folded;
    CPU_ZERO(&wanted);
    CPU_ZERO(&folded);
    memcpy(&wanted, in, size < sizeof wanted ? size : sizeof wanted);
    CPU_AND(&wanted, &wanted, &fake.cpus);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &wanted)) {
            CPU_SET(cpu % (size_t)fake.real_cpus, &folded);
        }
    }
    if (CPU_COUNT(&wanted) == 0) {
        errno = EINVAL;
        return -1;
    }
    // EINVAL is about the real CPUs (some are offline or not ours): then the thread runs where it ran.
    if (libc_syscall(SYS_sched_setaffinity, tid, sizeof folded, &folded) != 0 && errno != EINVAL) {
        return -1;
    }
    store(tid != 0 ? tid : gettid(), &wanted, false);
    return 0;
}

// libc has no call for the id of another thread, but its CPU clock carries it: the complement, above three bits.
static pid_t thread_id(pthread_t thread) {
    clockid_t clock = 0;
    if (pthread_equal(thread, pthread_self())) {
        return gettid();
    }
    return pthread_getcpuclockid(thread, &clock) == 0 ? (pid_t) ~(clock >> 3) : -1;
}

// --- What is put in the place of libc's functions

#define EXPORT __attribute__((visibility("default")))

EXPORT int sched_getaffinity(pid_t tid, size_t size, cpu_set_t* out) {
    if (on()) {
        return get_mask(tid, size, out);
    }
    const long n = libc_syscall(SYS_sched_getaffinity, tid, size, out);
    if (n >= 0) {
        memset((char*)out + n, 0, size - (size_t)n);
    }
    return n < 0 ? -1 : 0;
}

EXPORT int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t* in) {
    return on() ? set_mask(tid, size, in) : (int)libc_syscall(SYS_sched_setaffinity, tid, size, in);
}

EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t* out) {
    return sched_getaffinity(thread_id(thread), size, out) == 0 ? 0 : errno;
}

EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t* in) {
    return sched_setaffinity(thread_id(thread), size, in) == 0 ? 0 : errno;
}

EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
    struct thread_start* start = on() ? malloc(sizeof *start) : NULL;
    if (start == NULL) {
        return libc_create(thread, attributes, run, argument);
    }
    start->run = run;
    start->argument = argument;
    mask_of(gettid(), &start->mask);
    const int error = libc_create(thread, attributes, thread_main, start);
    if (error != 0) {
        free(start);
    }
    return error;
}

// A CPU of the caller's mask that folds onto the one it is running on.
EXPORT int sched_getcpu(void) {
    const bool faked = on();
    const int real = libc_getcpu();
    if (!faked || real < 0) {
        return real;
    }
    cpu_set_t mask;
    mask_of(gettid(), &mask);
    int any = 0;
    for (int cpu = fake.highest; cpu >= 0; --cpu) {
        if (CPU_ISSET((size_t)cpu, &mask)) {
            any = cpu;
            if (cpu % fake.real_cpus == real) {
                return cpu;
            }
        }
    }
    return any;
}

EXPORT long sysconf(int name) {
    if (on() && name == _SC_NPROCESSORS_ONLN) {
        return fake.count;
    }
    return on() && name == _SC_NPROCESSORS_CONF ? fake.highest + 1 : libc_sysconf(name);
}

EXPORT int get_nprocs(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
EXPORT int get_nprocs_conf(void) { return (int)sysconf(_SC_NPROCESSORS_CONF); }

// libnuma and others ask the kernel without libc's wrappers. Every call has at most six arguments.
EXPORT long syscall(long number, ...) {
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; ++i) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
    if (on() && number == SYS_sched_setaffinity) {
        return set_mask((pid_t)a[0], (size_t)a[1], (const void*)a[2]);
    }
    if (on() && number == SYS_sched_getaffinity) {
        const long bytes = (fake.highest / 64 + 1) * 8;
        return get_mask((pid_t)a[0], (size_t)a[1], (void*)a[2]) != 0 ? -1 : (bytes < a[1] ? bytes : a[1]);
    }
    return libc_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
