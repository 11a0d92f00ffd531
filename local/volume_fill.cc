// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volume_fill.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <tuple>
#include <utility>

#include "base/directory.h"
#include "base/open_beneath.h"
#include "base/rollback.h"
#include "local/tree_copy.h"
#include "snapshotter/remove_tree.h"

namespace davit::local {
namespace {

constexpr char kFilledName[] = "filled";
constexpr char kFilesName[] = "files";
constexpr char kLinksName[] = "links";

const std::atomic<bool> never = false;

Result<bool> IsEmpty(int dir_fd) {
  bool empty = true;
  Result<> read = ForEachName(dir_fd, [&empty](const std::string& name) -> Result<> {
    empty = false;
    return Fail(Code::kCancelled, "read", name, "one is enough");
  });
  if (!read && empty) return std::unexpected(std::move(read).error());
  return empty;
}

// An empty descriptor if the image has nothing at the path.
Result<UniqueFd> OpenSource(int image, const std::string& path) {
  auto found = OpenBeneath(image, path, Resolve::kInRoot, O_PATH);
  if (!found && (found.error().os_errno == ENOENT || found.error().os_errno == ENOTDIR)) return UniqueFd();
  UniqueFd source = TRY(std::move(found));
  struct stat status{};
  if (fstat(source.get(), &status) < 0) return SystemError("stat", path);
  if (!S_ISDIR(status.st_mode)) {
    return Fail(Code::kInvalidArgument, "fill volume", path,
                "cannot mount volume over existing file, file exists in the image");
  }
  return OpenDirectory(source.get(), ".");
}

// The copy becomes the volume's "filled".
Result<> CopyBeside(const Fill& fill, UniqueFd source, const std::function<bool()>& stop) {
  Rollback rollback;  // also after a success: there are the links
  rollback.Add([&fill] { std::ignore = snapshotter::RemoveTree(fill.staging, fill.name, never); });
  TRY(MakeDirectory(fill.staging, fill.name, 0700));
  UniqueFd own = TRY(OpenDirectory(fill.staging, fill.name));
  TRY(MakeDirectory(own.get(), kFilesName, 0700));
  TRY(MakeDirectory(own.get(), kLinksName, 0700));
  UniqueFd files = TRY(OpenDirectory(own.get(), kFilesName));
  UniqueFd links = TRY(OpenDirectory(own.get(), kLinksName));
  TRY(CopyTree(std::move(source), files.get(), links.get(), stop));
  if (fill.durable && syncfs(fill.staging) < 0) return SystemError("syncfs", "volume");
  if (renameat2(own.get(), kFilesName, fill.volume, kFilledName, RENAME_NOREPLACE) < 0)
    return SystemError("rename", kFilledName);
  return {};
}

}  // namespace

Result<bool> IsUnfilled(int volume) {
  struct stat status{};
  if (fstatat(volume, kFilledName, &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  UniqueFd data = TRY(OpenDirectory(volume, kDataName));
  return IsEmpty(data.get());
}

Result<> FillVolume(const Fill& fill, const std::function<bool()>& stop) {
  TRY(FinishFill(fill.volume));
  UniqueFd data = TRY(OpenDirectory(fill.volume, kDataName));
  if (!TRY(IsEmpty(data.get()))) return {};
  UniqueFd source = TRY(OpenSource(fill.image, fill.path));
  if (!source) return {};
  if (TRY(IsEmpty(source.get()))) return CopyDirectoryMetadata(source.get(), data.get());
  TRY(CopyBeside(fill, std::move(source), stop));
  return FinishFill(fill.volume);
}

// A container that mounts the volume already may have made a file meanwhile: that one stays.
Result<> FinishFill(int volume) {
  Result<UniqueFd> found = OpenDirectory(volume, kFilledName);
  if (!found && found.error().os_errno == ENOENT) return {};
  UniqueFd filled = TRY(std::move(found));
  UniqueFd data = TRY(OpenDirectory(volume, kDataName));
  TRY(ForEachName(filled.get(), [&](const std::string& name) -> Result<> {
    int moved = renameat2(filled.get(), name.c_str(), data.get(), name.c_str(), RENAME_NOREPLACE);
    if (moved < 0 && errno != EEXIST) return SystemError("rename", name);
    return {};
  }));
  TRY(CopyDirectoryMetadata(filled.get(), data.get()));
  return snapshotter::RemoveTree(volume, kFilledName, never);
}

}  // namespace davit::local
