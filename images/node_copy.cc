// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/node_copy.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

namespace davit::images {
namespace {

Result<> CopyXattrs(int from, int to, const std::string& path, WantedXattr wanted) {
  ssize_t size = flistxattr(from, nullptr, 0);
  if (size == 0 || (size < 0 && errno == EOPNOTSUPP)) return {};
  std::string names(XATTR_LIST_MAX, '\0');
  size = flistxattr(from, names.data(), names.size());
  if (size < 0) return SystemError("listxattr", path);
  std::string value(XATTR_SIZE_MAX, '\0');
  for (size_t pos = 0; pos < static_cast<size_t>(size);) {
    std::string name = names.c_str() + pos;
    pos += name.size() + 1;
    if (!wanted(name)) continue;
    ssize_t length = fgetxattr(from, name.c_str(), value.data(), value.size());
    if (length < 0) return SystemError("getxattr " + name, path);
    if (fsetxattr(to, name.c_str(), value.data(), static_cast<size_t>(length), 0) < 0) {
      return SystemError("setxattr " + name, path);
    }
  }
  return {};
}

// Between an overlay and the filesystem below it, copy_file_range(2) is EXDEV since Linux 5.19.
ssize_t CopyPiece(int from, off_t& in, int to, off_t& out, size_t piece) {
  ssize_t copied = copy_file_range(from, &in, to, &out, piece, 0);
  if (copied >= 0 || errno != EXDEV) return copied;
  if (lseek(to, out, SEEK_SET) < 0) return -1;
  copied = sendfile(to, from, &in, piece);
  if (copied > 0) out += copied;
  return copied;
}

Result<> CopyRange(int from, int to, off_t begin, off_t end, const std::string& path,
                   const BeforePiece& before_piece) {
  off_t in = begin;
  off_t out = begin;
  while (in < end) {
    size_t piece = std::min(static_cast<size_t>(end - in), kCopyPieceBytes);
    TRY(before_piece(piece));
    ssize_t copied = CopyPiece(from, in, to, out, piece);
    if (copied < 0) return SystemError("copy", path);
    if (copied == 0) return Fail(Code::kInternal, "copy", path, "ended early");
  }
  return {};
}

}  // namespace

// chown(2) clears the set-user-ID bits and security.capability, so it comes first. Most directories have the
// owner and mode already: asking is cheaper than a change, which the filesystem writes to its journal.
Result<> CopyMetadata(int from, const struct stat& wanted, int to, const std::string& path,
                      WantedXattr wanted_xattr) {
  struct stat now;
  if (fstat(to, &now) < 0) return SystemError("fstat", path);
  bool same_owner = now.st_uid == wanted.st_uid && now.st_gid == wanted.st_gid;
  if (!same_owner && fchown(to, wanted.st_uid, wanted.st_gid) < 0) return SystemError("chown", path);
  bool same_mode = same_owner && now.st_mode == wanted.st_mode;
  if (!same_mode && fchmod(to, wanted.st_mode & 07777) < 0) return SystemError("chmod", path);
  TRY(CopyXattrs(from, to, path, wanted_xattr));
  timespec times[2] = {wanted.st_atim, wanted.st_mtim};
  if (futimens(to, times) < 0) return SystemError("futimens", path);
  return {};
}

Result<> CopyData(int from, int to, off_t size, const std::string& path, const BeforePiece& before_piece) {
  if (ftruncate(to, size) < 0) return SystemError("ftruncate", path);
  for (off_t offset = 0; offset < size;) {
    off_t data = lseek(from, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // a hole up to the end
    if (data < 0) return SystemError("lseek", path);
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return SystemError("lseek", path);
    TRY(CopyRange(from, to, data, hole, path, before_piece));
    offset = hole;
  }
  return {};
}

Result<> CopySymlinkOrNode(int from, const struct stat& status, int dir_fd, const std::string& path) {
  const char* name = path.c_str();
  if (S_ISLNK(status.st_mode)) {
    std::string target(PATH_MAX, '\0');
    ssize_t size = readlinkat(from, "", target.data(), target.size());
    if (size < 0) return SystemError("readlink", path);
    target.resize(static_cast<size_t>(size));
    if (symlinkat(target.c_str(), dir_fd, name) < 0) return SystemError("symlink", path);
  } else if (mknodat(dir_fd, name, status.st_mode, status.st_rdev) < 0) {
    return SystemError("mknod", path);
  } else if (fchmodat(dir_fd, name, status.st_mode & 07777, 0) < 0) {  // the umask is undone
    return SystemError("chmod", path);
  }
  if (fchownat(dir_fd, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("chown", path);
  timespec times[2] = {status.st_atim, status.st_mtim};
  if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0) return SystemError("utimensat", path);
  return {};
}

}  // namespace davit::images
