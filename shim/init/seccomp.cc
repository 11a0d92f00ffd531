// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memfd.h"

namespace davit::shim {

Result<std::string> ReadSeccompProgram(int memfd) {
  std::string program = TRY(ReadSealedMemfd(memfd, BPF_MAXINSNS * sizeof(sock_filter)));
  if (program.empty() || program.size() % sizeof(sock_filter) != 0) {
    return Fail(Code::kInvalidArgument, "read seccomp filter", std::to_string(program.size()) + " bytes");
  }
  return program;
}

Result<> InstallSeccomp(std::string_view program) {
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.size() / sizeof(sock_filter));
  filter.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()));
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0) {
    return SystemError("seccomp", std::to_string(filter.len) + " instructions");
  }
  return {};
}

}  // namespace davit::shim
