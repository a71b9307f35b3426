/*
 * Records tests/unit/vcpu/a64/vectors.h on a reference implementation (an arm64 machine, or
 * qemu-aarch64): reads instruction words from a file, executes each in the state of vector_input(),
 * and prints it with the digest of what came out; those that fault are left out.
 *
 *     aarch64-linux-gnu-gcc -O1 -static -Itests/unit/vcpu/a64 tests/diff/a64/record*.[cS] -o record
 *     qemu-aarch64 -cpu max,sve=off record WORDS
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vector_input.h"

void run(struct vector_state *state, const void *code);

static sigjmp_buf out;

static void faulted(int signal)
{
    siglongjmp(out, signal);
}

int main(int argc, char **argv)
{
    static struct vector_state state;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction action = {.sa_handler = faulted, .sa_flags = SA_ONSTACK | SA_NODEFER};
    FILE *words = argc > 1 ? fopen(argv[1], "rb") : NULL;
    uint64_t *buffer = mmap((void *)VECTOR_BUFFER, VECTOR_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    uint32_t *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t insn;

    if (!words || buffer == MAP_FAILED || code == MAP_FAILED || !stack.ss_sp) {
        return 1;
    }
    sigaltstack(&stack, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    while (fread(&insn, sizeof(insn), 1, words) == 1) {
        for (unsigned i = 0; i < VECTOR_BYTES / 8; i++) {
            buffer[i] = vector_word(i);
        }
        vector_input(insn, &state);
        code[0] = insn;
        code[1] = 0xd65f03c0; /* ret */
        __builtin___clear_cache((char *)code, (char *)code + 8);
        if (sigsetjmp(out, 1) == 0) {
            run(&state, code);
            printf("%08x %016llx\n", insn, (unsigned long long)vector_digest(&state, buffer));
        }
    }
    return 0;
}
