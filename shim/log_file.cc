// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_file.h"

#include <asm/unistd.h>
#include <errno.h>

#include "shim/raw_syscall.h"

namespace davit::shim {
namespace {

long Write(int fd, const char* data, size_t size) {
  long n;
  do {
    n = RawSyscall(__NR_write, fd, reinterpret_cast<long>(data), static_cast<long>(size));
  } while (n == -EINTR);
  return n;
}

}  // namespace

void WriteBatch(LogFile& file, const char* data, size_t size) {
  if (file.torn && Write(file.fd, "\n", 1) == 1) file.torn = false;
  size_t written = 0;
  while (written < size) {
    long n = Write(file.fd, data + written, size - written);
    if (n <= 0) {
      file.dropped_bytes += size - written;
      if (written > 0) file.torn = data[written - 1] != '\n';
      return;
    }
    written += static_cast<size_t>(n);
  }
}

}  // namespace davit::shim
