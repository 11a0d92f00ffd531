// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/inventory_item.h"

#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/checksum.h"

namespace davit::snapshotter {
namespace {

constexpr mode_t kPermissions = 07777;

// security.capability gives a program its rights; what else begins with "security." is the host's label.
bool IsLabel(const std::string& attribute) {
  return attribute.starts_with("security.") && attribute != "security.capability";
}

// The system calls for extended attributes take no directory descriptor before Linux 6.13. /proc does, and
// unlike an open it works for symlinks and devices.
std::string PathOf(int dir_fd, const std::string& name) {
  return "/proc/self/fd/" + std::to_string(dir_fd) + "/" + name;
}

Result<std::vector<std::string>> ListAttributes(const std::string& path, const std::string& name) {
  std::string buffer(4096, '\0');
  ssize_t size = llistxattr(path.c_str(), buffer.data(), buffer.size());
  if (size < 0 && errno == ERANGE) {
    buffer.resize(XATTR_LIST_MAX);
    size = llistxattr(path.c_str(), buffer.data(), buffer.size());
  }
  if (size < 0 && errno == EOPNOTSUPP) size = 0;
  if (size < 0) return SystemError("listxattr", name);
  std::vector<std::string> names;
  for (size_t at = 0; at < static_cast<size_t>(size); at += names.back().size() + 1)
    names.emplace_back(buffer.c_str() + at);
  std::erase_if(names, IsLabel);
  std::ranges::sort(names);
  return names;
}

Result<uint64_t> AttributesOf(int dir_fd, const std::string& name) {
  std::string path = PathOf(dir_fd, name);
  std::vector<std::string> attributes = TRY(ListAttributes(path, name));
  if (attributes.empty()) return 0;
  Checksum checksum;
  std::string value(XATTR_SIZE_MAX, '\0');
  for (const std::string& attribute : attributes) {
    ssize_t size = lgetxattr(path.c_str(), attribute.c_str(), value.data(), value.size());
    if (size < 0) return SystemError("getxattr " + attribute, name);
    checksum.Update(attribute + "=" + std::to_string(size) + ":");
    checksum.Update(std::string_view(value).substr(0, static_cast<size_t>(size)));
  }
  return checksum.value();
}

Result<uint64_t> TargetOf(int dir_fd, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  ssize_t size = readlinkat(dir_fd, name.c_str(), target.data(), target.size());
  if (size < 0) return SystemError("readlink", name);
  Checksum checksum;
  checksum.Update(std::string_view(target).substr(0, static_cast<size_t>(size)));
  return checksum.value();
}

std::string TypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a file";
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symlink";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

}  // namespace

Result<InventoryItem> DescribeEntry(int dir_fd, const std::string& name, const struct statx& stat) {
  InventoryItem item;
  item.name = name;
  item.mode = stat.stx_mode;
  item.user = stat.stx_uid;
  item.group = stat.stx_gid;
  if (S_ISREG(stat.stx_mode)) item.size = stat.stx_size;
  item.changed_s = stat.stx_mtime.tv_sec;
  item.changed_ns = stat.stx_mtime.tv_nsec;
  item.device = makedev(stat.stx_rdev_major, stat.stx_rdev_minor);
  item.attributes = TRY(AttributesOf(dir_fd, name));
  if (S_ISLNK(stat.stx_mode)) item.content = TRY(TargetOf(dir_fd, name));
  return item;
}

std::string Difference(const InventoryItem& recorded, const InventoryItem& found) {
  if ((recorded.mode & S_IFMT) != (found.mode & S_IFMT))
    return "is " + TypeOf(found.mode) + " instead of " + TypeOf(recorded.mode);
  if (recorded.size != found.size)
    return "has " + std::to_string(found.size) + " bytes instead of " + std::to_string(recorded.size);
  if (recorded.content && found.content && *recorded.content != *found.content)
    return S_ISLNK(recorded.mode) ? "has another target" : "has other content";
  if ((recorded.mode & kPermissions) != (found.mode & kPermissions)) return "has another mode";
  if (recorded.user != found.user || recorded.group != found.group) return "has another owner";
  if (recorded.device != found.device) return "is another device";
  if (recorded.attributes != found.attributes) return "has other extended attributes";
  if (recorded.changed_s != found.changed_s || recorded.changed_ns != found.changed_ns)
    return "has another modification time";
  return "";
}

}  // namespace davit::snapshotter
