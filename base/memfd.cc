// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file_io.h"

namespace davit {
namespace {
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
#ifndef MFD_EXEC
constexpr unsigned MFD_EXEC = 0x10;  // 6.3: asks for the executable bit where vm.memfd_noexec would drop it
#endif
#ifndef MFD_NOEXEC_SEAL
constexpr unsigned MFD_NOEXEC_SEAL = 0x8;
#endif
}  // namespace

Result<UniqueFd> MakeSealedMemfd(const std::string& name, std::string_view data, MemfdUse use) {
  unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  UniqueFd fd(
      memfd_create(name.c_str(), flags | (use == MemfdUse::kExecutable ? MFD_EXEC : MFD_NOEXEC_SEAL)));
  if (!fd && errno == EINVAL) fd.Reset(memfd_create(name.c_str(), flags));  // before 6.3
  if (!fd) return SystemError("memfd_create", name);
  TRY(WriteAll(fd.get(), data, name));
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) < 0) return SystemError("fcntl(F_ADD_SEALS)", name);
  return fd;
}

Result<std::string> ReadSealedMemfd(int fd, size_t limit) {
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) return SystemError("fcntl(F_GET_SEALS)", "memfd");
  if ((seals & kSeals) != kSeals) return Fail(Code::kInvalidArgument, "read", "memfd", "not sealed");
  struct stat st;
  if (fstat(fd, &st) < 0) return SystemError("fstat", "memfd");
  if (st.st_size < 0 || static_cast<uint64_t>(st.st_size) > limit) {
    return Fail(Code::kInvalidArgument, "read", "memfd", "larger than " + std::to_string(limit) + " bytes");
  }
  std::string data(static_cast<size_t>(st.st_size), '\0');
  size_t done = 0;
  while (done < data.size()) {
    ssize_t n =
        TEMP_FAILURE_RETRY(pread(fd, data.data() + done, data.size() - done, static_cast<off_t>(done)));
    if (n < 0) return SystemError("pread", "memfd");
    if (n == 0) return Fail(Code::kDataLoss, "pread", "memfd", "truncated");
    done += static_cast<size_t>(n);
  }
  return data;
}

}  // namespace davit
