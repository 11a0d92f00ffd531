// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/log_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/file_io.h"

namespace davit::local {
namespace {

// As those of Docker's driver "local".
constexpr int64_t kDefaultBytes = 20 << 20;
constexpr uint32_t kDefaultFiles = 5;

std::string Numbered(const std::string& path, uint32_t number) {
  return path + "." + std::to_string(number);
}

Result<std::optional<int64_t>> SizeOf(const std::string& path) {
  struct stat st{};
  if (stat(path.c_str(), &st) == 0) return std::optional<int64_t>(st.st_size);
  if (errno == ENOENT) return std::optional<int64_t>();
  return SystemError("stat", path);
}

Result<> Move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) < 0) return SystemError("rename", from);
  return {};
}

// Frees PATH.1 by moving the files up to the first gap, where an earlier attempt has failed, or to the last
// one, which it replaces.
Result<> MakeGap(const std::string& path, uint32_t files) {
  uint32_t gap = 1;
  while (gap + 1 < files && TRY(SizeOf(Numbered(path, gap)))) ++gap;
  for (; gap > 1; --gap) TRY(Move(Numbered(path, gap - 1), Numbered(path, gap)));
  return {};
}

// Nobody writes PATH.0 any more.
Result<> GiveNumber(const std::string& path, uint32_t files) {
  const std::string left = Numbered(path, 0);
  if (files == 1) return unlink(left.c_str()) < 0 ? SystemError("unlink", left) : Result<>();
  TRY(MakeGap(path, files));
  return Move(left, Numbered(path, 1));
}

// If there is no new file, the writer can have no other than the old one. Where the kernel cannot do this
// (EINVAL), the next rotation continues all the same.
void RestoreName(const std::string& path) {
  (void)renameat2(AT_FDCWD, Numbered(path, 0).c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
}

}  // namespace

LogBound LogBoundOf(const ::davit::v1::ContainerSpec& spec) {
  LogBound bound{spec.log().max_bytes(), spec.log().max_files()};
  if (bound.bytes == 0) bound.bytes = kDefaultBytes;
  if (bound.files == 0) bound.files = kDefaultFiles;
  return bound;
}

// The writer goes on with the file that it has open, whatever its name, until it has got another one. It may
// get that after `reopen` has failed: PATH then keeps its name.
Result<bool> RotateLog(const std::string& path, const LogBound& bound,
                       const std::function<Result<>()>& reopen) {
  const std::string left = Numbered(path, 0);
  bool leaving = TRY(SizeOf(left)).has_value();
  const std::optional<int64_t> size = TRY(SizeOf(path));
  if (!leaving && size && *size <= bound.bytes) return false;
  if (!leaving && size) {
    TRY(Move(path, left));
    leaving = true;
  }
  if (Result<> reopened = reopen(); !reopened) {
    RestoreName(path);
    return std::unexpected(std::move(reopened).error());
  }
  if (leaving) TRY(GiveNumber(path, bound.files));
  return true;
}

Result<> MakeLog(const std::string& path) {
  TRY(OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0640));
  return {};
}

}  // namespace davit::local
