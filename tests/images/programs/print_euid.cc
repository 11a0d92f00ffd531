// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Set-user-ID root in its image: says whether no_new_privs took that away.
#include <stdio.h>
#include <unistd.h>

int main() {
  printf("Effective uid: %u\n", geteuid());
  return 0;
}
