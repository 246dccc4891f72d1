/* A process of a known size: hog [-n NAME] [-a OOM_SCORE_ADJ] [-c CGROUP] [-s] [-w] [-g MIB_PER_S] [-m MAX_MIB] MIB
 *
 * Enters the cgroup (a path below /sys/fs/cgroup), touches MIB of private memory (-s: shared), writes "hog NAME PID MIB", and sleeps.
 * With -g it then grows at that rate, up to MAX_MIB where given; with -w only after SIGUSR1. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static int flags = MAP_ANONYMOUS | MAP_PRIVATE;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void eat(long kib) {
    long bytes = kib << 10;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        fail("hog: mmap");
    madvise(memory, bytes, MADV_NOHUGEPAGE);
    for (long at = 0; at < bytes; at += 4096)
        memory[at] = 1 + at % 251;
}

static void say(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file))
        fail(path);
}

int main(int argc, char **argv) {
    const char *name = "hog";
    char path[4096];
    long rate = 0, most = 1L << 30, size;
    int wait_first = 0;
    sigset_t start;
    sigemptyset(&start);
    sigaddset(&start, SIGUSR1);
    sigprocmask(SIG_BLOCK, &start, NULL);
    for (int option; (option = getopt(argc, argv, "n:a:c:swg:m:")) != -1;)
        switch (option) {
        case 'n': name = optarg; prctl(PR_SET_NAME, name); break;
        case 'a': say("/proc/self/oom_score_adj", optarg); break;
        case 'c':
            snprintf(path, sizeof path, "/sys/fs/cgroup/%s/cgroup.procs", optarg);
            say(path, "0");
            break;
        case 's': flags = MAP_ANONYMOUS | MAP_SHARED; break;
        case 'w': wait_first = 1; break;
        case 'g': rate = atol(optarg); break;
        case 'm': most = atol(optarg); break;
        default: return 2;
        }
    size = optind < argc ? atol(argv[optind]) : 0;
    if (size)
        eat(size << 10);
    printf("hog %s %d %ld\n", name, getpid(), size);
    fflush(stdout);
    if (wait_first) {
        int got;
        sigwait(&start, &got);
    }
    for (; rate && size < most; size++) {
        usleep(1000000 / rate);
        eat(1 << 10);
    }
    for (;;)
        pause();
}
