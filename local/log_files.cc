// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/log_files.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

namespace davit::local {
namespace {

// As those of Docker's driver "local".
constexpr int64_t kDefaultBytes = 20 << 20;
constexpr uint32_t kDefaultFiles = 5;

std::string Numbered(const std::string& path, uint32_t number) {
  return number == 0 ? path : path + "." + std::to_string(number);
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

}  // namespace

LogBound LogBoundOf(const ::davit::v1::ContainerSpec& spec) {
  LogBound bound{spec.log().max_bytes(), spec.log().max_files()};
  if (bound.bytes == 0) bound.bytes = kDefaultBytes;
  if (bound.files == 0) bound.files = kDefaultFiles;
  return bound;
}

// The writer goes on with the file that it has open until `reopen`, whatever its name. With one file only,
// that is the place for it until it is replaced.
Result<bool> RotateLog(const std::string& path, const LogBound& bound,
                       const std::function<Result<>()>& reopen) {
  std::optional<int64_t> size = TRY(SizeOf(path));
  if (!size || *size <= bound.bytes) return false;
  TRY(MakeGap(path, bound.files));
  const std::string before = Numbered(path, 1);
  TRY(Move(path, before));
  if (Result<> reopened = reopen(); !reopened) {
    TRY(Move(before, path));
    return std::unexpected(std::move(reopened).error());
  }
  if (bound.files == 1 && unlink(before.c_str()) < 0) return SystemError("unlink", before);
  return true;
}

}  // namespace davit::local
