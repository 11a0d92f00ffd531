// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/pack_tree.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/directory.h"
#include "images/unpack/limits.h"
#include "local/tree/file_attributes.h"

namespace davit::local {
namespace {

using images::TarEntry;
using images::TarType;

constexpr size_t kBufferBytes = 256 << 10;
constexpr size_t kMostLinkBytes = 64 << 20;
constexpr size_t kMostNameBytes = 128 << 20;
constexpr size_t kPerName = 64;  // of memory, beside the name itself

// A FIFO, device or terminal in the place of the file holds nobody up.
constexpr int kFileFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

std::string Join(const std::string& dir, const std::string& name) {
  return dir.empty() ? name : dir + "/" + name;
}

bool HasVanished(int err) {
  return err == ENOENT || err == ESTALE;
}

Result<std::string> ReadTarget(int parent_fd, const std::string& name, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  ssize_t size = readlinkat(parent_fd, name.c_str(), target.data(), target.size());
  if (size < 0) return SystemError("readlink", path);
  target.resize(static_cast<size_t>(size));
  return target;
}

}  // namespace

size_t BytesOf(const std::vector<std::string>& names) {
  size_t bytes = 0;
  for (const std::string& name : names) bytes += name.size() + kPerName;
  return bytes;
}

Result<std::vector<std::string>> SortedNames(int dir_fd, const std::string& path, size_t& already) {
  std::vector<std::string> names;
  size_t before = already;
  Result<> listed = ForEachName(dir_fd, [&](const std::string& name) -> Result<> {
    already += name.size() + kPerName;
    if (already > kMostNameBytes)
      return Fail(Code::kResourceExhausted, "read directory", path, "it has too many entries");
    names.push_back(name);
    return {};
  });
  if (!listed) {
    already = before;
    Error error = std::move(listed).error();
    if (error.subject == ".") error.subject = path;
    return std::unexpected(std::move(error));
  }
  std::ranges::sort(names);
  return names;
}

Result<> TreePacker::Begin(TarEntry entry, const std::string& as) {
  entry.name = as;
  ++outcome_.entries;
  return out_.Begin(entry);
}

Result<> TreePacker::Add(int parent_fd, const std::string& name, const std::string& as) {
  if (TRY(AddTree(parent_fd, name, as, /*depth=*/0))) return {};
  return Fail(Code::kNotFound, "archive", as, "it does not exist");
}

Result<bool> TreePacker::AddTree(int parent_fd, const std::string& name, const std::string& as,
                                 size_t depth) {
  const images::UnpackLimits limits;
  if (as.size() > limits.path_bytes || depth > limits.path_depth) {
    auto refused = Fail(Code::kResourceExhausted, "archive", as.substr(0, 256), "its path is too long");
    if (unreadable_ == Unreadable::kFail) return refused;
    outcome_.problems.Add(refused.error().ToString());
    return false;
  }
  struct stat status;
  if (fstatat(parent_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (HasVanished(errno)) return false;
    return SystemError("stat", as);
  }
  if (S_ISDIR(status.st_mode)) return AddDirectory(parent_fd, name, as, depth);
  if (S_ISREG(status.st_mode)) return AddFile(parent_fd, name, as);
  TRY(AddNode(parent_fd, name, as, status));
  return true;
}

Result<bool> TreePacker::AddOne(int parent_fd, const std::string& name, const std::string& as) {
  struct stat status;
  if (fstatat(parent_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (HasVanished(errno)) return false;
    return SystemError("stat", as);
  }
  if (S_ISDIR(status.st_mode)) return TRY(BeginDirectory(parent_fd, name, as)).valid();
  if (S_ISREG(status.st_mode)) return AddFile(parent_fd, name, as);
  TRY(AddNode(parent_fd, name, as, status));
  return true;
}

Result<UniqueFd> TreePacker::BeginDirectory(int parent_fd, const std::string& name, const std::string& as) {
  UniqueFd dir(openat(parent_fd, name.c_str(), kFileFlags | O_DIRECTORY));
  if (!dir && (HasVanished(errno) || errno == ENOTDIR || errno == ELOOP)) return UniqueFd();
  struct stat status;
  if (!dir || fstat(dir.get(), &status) < 0) return SystemError("open", as);
  TarEntry entry = TRY(EntryOf(status, as));
  if (!IsKernelFilesystem(dir.get())) entry.xattrs = TRY(ReadXattrs(dir.get(), as));
  TRY(Begin(std::move(entry), as));
  return dir;
}

Result<bool> TreePacker::AddDirectory(int parent_fd, const std::string& name, const std::string& as,
                                      size_t depth) {
  UniqueFd dir = TRY(BeginDirectory(parent_fd, name, as));
  if (dir && !IsKernelFilesystem(dir.get())) TRY(AddChildren(dir.get(), as, depth));
  return dir.valid();
}

Result<> TreePacker::AddChildren(int dir_fd, const std::string& as, size_t depth) {
  std::vector<std::string> names;
  Result<std::vector<std::string>> listed = SortedNames(dir_fd, as, name_bytes_);
  if (!listed && (unreadable_ == Unreadable::kFail || listed.error().os_errno == 0))
    return std::unexpected(std::move(listed).error());
  if (listed)
    names = std::move(*listed);
  else
    outcome_.problems.Add(listed.error().ToString());
  for (const std::string& name : names) {
    Result<bool> added = AddTree(dir_fd, name, Join(as, name), depth + 1);
    if (added) continue;
    // Only a system call says that this one file is the trouble, and that the archive is none.
    bool skips = unreadable_ == Unreadable::kSkip && added.error().os_errno != 0 && !out_.failed();
    if (!skips) return std::unexpected(std::move(added).error());
    outcome_.problems.Add(added.error().ToString());
  }
  name_bytes_ -= BytesOf(names);
  return {};
}

Result<bool> TreePacker::AddFile(int parent_fd, const std::string& name, const std::string& as) {
  UniqueFd file(openat(parent_fd, name.c_str(), kFileFlags));
  if (!file && (HasVanished(errno) || errno == ELOOP || errno == ENXIO)) return false;
  struct stat status;
  if (!file || fstat(file.get(), &status) < 0) return SystemError("open", as);
  if (!S_ISREG(status.st_mode)) return false;  // it was replaced meanwhile
  if (TRY(AddAsLink(status, as))) return true;
  TarEntry entry = TRY(EntryOf(status, as));
  entry.xattrs = TRY(ReadXattrs(file.get(), as));
  entry.segments = FindSegments(file.get(), status);
  TRY(Begin(entry, as));
  TRY(WriteContent(file.get(), entry, as));
  return true;
}

Result<bool> TreePacker::AddAsLink(const struct stat& status, const std::string& as) {
  if (status.st_nlink < 2 || link_bytes_ > kMostLinkBytes) return false;
  auto [known, is_first] = links_.emplace(std::pair(status.st_dev, status.st_ino), as);
  if (is_first) {
    link_bytes_ += as.size() + 2 * kPerName;
    return false;
  }
  if (known->second == as) return false;  // a directory that lists a name twice
  TarEntry entry = TRY(EntryOf(status, as));
  entry.type = TarType::kHardLink;
  entry.size = 0;
  entry.link = known->second;
  TRY(Begin(std::move(entry), as));
  return true;
}

Result<> TreePacker::AddNode(int parent_fd, const std::string& name, const std::string& as,
                             const struct stat& status) {
  Result<TarEntry> entry = EntryOf(status, as);
  if (!entry) {
    outcome_.problems.Add(entry.error().ToString());
    return {};
  }
  if (entry->type == TarType::kSymlink) {
    Result<std::string> target = ReadTarget(parent_fd, name, as);
    bool replaced = !target && (HasVanished(target.error().os_errno) || target.error().os_errno == EINVAL);
    if (replaced) return {};
    entry->link = TRY(std::move(target));
  }
  return Begin(std::move(*entry), as);
}

Result<> TreePacker::WriteContent(int fd, const TarEntry& entry, const std::string& as) {
  if (!entry.segments) return WriteRange(fd, {0, entry.size}, as);
  for (const images::SparseSegment& segment : *entry.segments) TRY(WriteRange(fd, segment, as));
  return {};
}

// The header has promised these bytes: what a file has lost since becomes zeros.
Result<> TreePacker::WriteRange(int fd, images::SparseSegment range, const std::string& as) {
  buffer_.resize(kBufferBytes);
  while (range.length > 0) {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(range.length, buffer_.size()));
    ssize_t got = TEMP_FAILURE_RETRY(pread(fd, buffer_.data(), wanted, static_cast<off_t>(range.offset)));
    if (got < 0 && unreadable_ == Unreadable::kFail) return SystemError("read", as);
    if (got < 0) outcome_.problems.Add(SystemError("read", as).error().ToString());
    if (got <= 0) return out_.WriteZeros(range.length);
    TRY(out_.Write({buffer_.data(), static_cast<size_t>(got)}));
    range.offset += static_cast<uint64_t>(got);
    range.length -= static_cast<uint64_t>(got);
    outcome_.bytes += static_cast<uint64_t>(got);
  }
  return {};
}

}  // namespace davit::local
