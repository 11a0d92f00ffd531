// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the pause image of other runtimes does: sleep until asked to end. Davit runs no such process; the
// image stands for any small one, and peers in benchmarks want it.
#include <signal.h>
#include <unistd.h>

int main() {
  signal(SIGTERM, [](int) { _exit(0); });
  signal(SIGINT, [](int) { _exit(0); });
  signal(SIGCHLD, SIG_IGN);  // as PID 1 of a shared namespace it must not collect zombies
  while (true) pause();
}
