// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/file_attributes.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

namespace davit::local {
namespace {

using images::SparseSegment;
using images::TarType;

// Well below what images::UnpackLimits allow for the headers of an entry.
constexpr size_t kMostXattrs = 200;
constexpr size_t kMostXattrBytes = 512 << 10;
constexpr size_t kMostSegments = 64 << 10;
constexpr int64_t kMqueueMagic = 0x19800202;
constexpr int64_t kConfigfsMagic = 0x62656570;

std::unexpected<Error> TooMany(const std::string& path) {
  return Fail(Code::kResourceExhausted, "read", path, "it has too many extended attributes");
}

// Empty if it was removed meanwhile.
Result<std::optional<std::string>> ReadXattr(int fd, const std::string& name, const std::string& path) {
  std::string value(64 << 10, '\0');  // XATTR_SIZE_MAX
  ssize_t size = fgetxattr(fd, name.c_str(), value.data(), value.size());
  if (size < 0 && errno == ENODATA) return std::optional<std::string>();
  if (size < 0) return SystemError("getxattr " + name, path);
  value.resize(static_cast<size_t>(size));
  return std::optional(std::move(value));
}

TarType TypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return TarType::kDirectory;
    case S_IFLNK:
      return TarType::kSymlink;
    case S_IFCHR:
      return TarType::kCharDevice;
    case S_IFBLK:
      return TarType::kBlockDevice;
    case S_IFIFO:
      return TarType::kFifo;
    default:
      return TarType::kFile;
  }
}

}  // namespace

bool IsCarriedXattr(std::string_view name) {
  return name.starts_with("user.") || name == "security.capability" || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

Result<Xattrs> ReadXattrs(int fd, const std::string& path) {
  Xattrs found;
  std::string names(64 << 10, '\0');  // XATTR_LIST_MAX
  ssize_t size = flistxattr(fd, names.data(), names.size());
  if (size < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) return found;
  if (size < 0) return SystemError("listxattr", path);
  names.resize(static_cast<size_t>(size));
  size_t bytes = 0;
  for (size_t pos = 0; pos < names.size();) {
    std::string name = names.c_str() + pos;
    pos += name.size() + 1;
    if (!IsCarriedXattr(name)) continue;
    std::optional<std::string> value = TRY(ReadXattr(fd, name, path));
    if (!value) continue;
    bytes += name.size() + value->size();
    if (found.size() == kMostXattrs || bytes > kMostXattrBytes) return TooMany(path);
    found.emplace_back(std::move(name), std::move(*value));
  }
  return found;
}

Result<images::TarEntry> EntryOf(const struct stat& status, const std::string& path) {
  if (S_ISSOCK(status.st_mode))
    return Fail(Code::kInvalidArgument, "archive", path, "sockets cannot be copied");
  images::TarEntry entry;
  entry.type = TypeOf(status.st_mode);
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = status.st_mtim;
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    entry.device_major = major(status.st_rdev);
    entry.device_minor = minor(status.st_rdev);
  }
  if (entry.type == TarType::kFile) entry.size = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
  return entry;
}

// Makes neighbours with a hole of less than `hole` bytes between them one segment, holes included.
void MergeNeighbours(std::vector<SparseSegment>& segments, uint64_t hole) {
  size_t kept = 0;
  for (size_t i = 1; i < segments.size(); ++i) {
    SparseSegment& last = segments[kept];
    if (segments[i].offset - (last.offset + last.length) < hole)
      last.length = segments[i].offset + segments[i].length - last.offset;
    else
      segments[++kept] = segments[i];
  }
  segments.resize(kept + 1);
}

// A filesystem that does not keep its word gets its file read as a whole. Of very many segments those with
// the smallest holes between them are merged: a hole can be read, too.
std::optional<std::vector<SparseSegment>> FindSegments(int fd, const struct stat& status) {
  if (status.st_blocks >= (status.st_size + 511) / 512) return std::nullopt;
  std::vector<SparseSegment> segments;
  uint64_t merged_hole = 1 << 12;
  for (off_t position = 0; position < status.st_size;) {
    off_t data = lseek(fd, position, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    if (data < position) return std::nullopt;
    for (; segments.size() == kMostSegments; merged_hole *= 2) MergeNeighbours(segments, merged_hole);
    if (data >= status.st_size) break;
    off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole <= data) return std::nullopt;
    hole = std::min(hole, status.st_size);
    segments.push_back({static_cast<uint64_t>(data), static_cast<uint64_t>(hole - data)});
    position = hole;
  }
  bool whole = segments.size() == 1 && segments.front().offset == 0 &&
               segments.front().length == static_cast<uint64_t>(status.st_size);
  return whole ? std::nullopt : std::optional(std::move(segments));
}

bool IsKernelFilesystem(int dir_fd) {
  struct statfs filesystem{};
  if (fstatfs(dir_fd, &filesystem) < 0) return false;
  switch (static_cast<int64_t>(filesystem.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case BPF_FS_MAGIC:
    case PSTOREFS_MAGIC:
    case EFIVARFS_MAGIC:
    case kMqueueMagic:
    case kConfigfsMagic:
      return true;
    default:
      return false;
  }
}

}  // namespace davit::local
