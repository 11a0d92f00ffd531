// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/sysctl.h"

#include <unistd.h>

#include "base/file_io.h"

namespace davit::cni {

Result<std::string> ReadSysctl(const std::string& name) {
  std::string text = TRY(ReadFile("/proc/sys/" + name));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<> EnsureSysctl(const std::string& name, std::string_view value) {
  if (TRY(ReadSysctl(name)) == value) return {};
  Result<> written = WriteFileAt(AT_FDCWD, "/proc/sys/" + name, value);
  if (!written) {
    written.error().step = "set sysctl";
    written.error().context = "davit needs the value " + std::string(value);
  }
  return written;
}

bool KernelHasIpv6() {
  return access("/proc/sys/net/ipv6/conf", F_OK) == 0;
}

}  // namespace davit::cni
