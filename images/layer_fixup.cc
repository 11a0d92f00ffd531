// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_fixup.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>

#include "base/open_beneath.h"
#include "images/lower_layers.h"

namespace davit::images {
namespace {

std::string OrDot(const std::string& path) {
  return path.empty() ? "." : path;
}

Result<UniqueFd> OpenDir(int layer_fd, const std::string& path) {
  return OpenBeneath(layer_fd, OrDot(path), Resolve::kStrict, O_RDONLY | O_DIRECTORY);
}

// Another opening of what an O_PATH descriptor found, with the access that reading takes. The types are
// known: a FIFO or a device is never opened.
Result<UniqueFd> Reopen(const LowerFile& file, const std::string& path, int flags) {
  return OpenBeneath(file.layer_fd, OrDot(path), Resolve::kStrict, flags | O_RDONLY | O_NOFOLLOW);
}

// All but the overlay's own marks, which belong to the layer that they are in.
Result<> CopyXattrs(int from, int to, const std::string& path) {
  std::string names(XATTR_LIST_MAX, '\0');
  ssize_t size = flistxattr(from, names.data(), names.size());
  if (size < 0) return errno == EOPNOTSUPP ? Result<>() : SystemError("listxattr", path);
  std::string value(XATTR_SIZE_MAX, '\0');
  for (size_t pos = 0; pos < static_cast<size_t>(size);) {
    std::string name = names.c_str() + pos;
    pos += name.size() + 1;
    if (name.starts_with("trusted.")) continue;
    ssize_t length = fgetxattr(from, name.c_str(), value.data(), value.size());
    if (length < 0) return SystemError("getxattr " + name, path);
    if (fsetxattr(to, name.c_str(), value.data(), static_cast<size_t>(length), 0) < 0) {
      return SystemError("setxattr " + name, path);
    }
  }
  return {};
}

// chown(2) clears the set-user-ID bits and security.capability, so it comes first.
Result<> CopyMetadata(int from, const struct stat& status, int to, const std::string& path) {
  if (fchown(to, status.st_uid, status.st_gid) < 0) return SystemError("chown", path);
  if (fchmod(to, status.st_mode & 07777) < 0) return SystemError("chmod", path);
  TRY(CopyXattrs(from, to, path));
  timespec times[2] = {status.st_atim, status.st_mtim};
  if (futimens(to, times) < 0) return SystemError("futimens", path);
  return {};
}

// Copies what is data and leaves holes as they are: a sparse file must not become a full one.
Result<> CopyData(int from, int to, off_t size, const std::string& path) {
  if (ftruncate(to, size) < 0) return SystemError("ftruncate", path);
  for (off_t offset = 0; offset < size;) {
    off_t data = lseek(from, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // a hole up to the end
    if (data < 0) return SystemError("lseek", path);
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return SystemError("lseek", path);
    off_t in = data;
    off_t out = data;
    while (in < hole) {
      ssize_t copied = copy_file_range(from, &in, to, &out, static_cast<size_t>(hole - in), 0);
      if (copied < 0) return SystemError("copy_file_range", path);
      if (copied == 0) return Fail(Code::kInternal, "copy_file_range", path, "ended early");
    }
    offset = hole;
  }
  return {};
}

// Puts the times of a directory back that a new file in it has changed.
class KeptTimes {
 public:
  explicit KeptTimes(int dir_fd) : dir_fd_(dir_fd) { known_ = fstat(dir_fd, &status_) == 0; }
  ~KeptTimes() {
    timespec times[2] = {status_.st_atim, status_.st_mtim};
    if (known_) (void)futimens(dir_fd_, times);
  }
  KeptTimes(const KeptTimes&) = delete;
  KeptTimes& operator=(const KeptTimes&) = delete;

 private:
  int dir_fd_;
  struct stat status_{};
  bool known_;
};

struct Place {
  UniqueFd dir;
  std::string name;
};

Result<Place> Locate(int layer_fd, const std::string& path) {
  size_t slash = path.rfind('/');
  Place place;
  place.name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (place.name.empty() || place.name == "." || place.name == "..") {
    return Fail(Code::kInternal, "fix up layer", path, "not a file's path");
  }
  place.dir = TRY(OpenDir(layer_fd, slash == std::string::npos ? "" : path.substr(0, slash)));
  return place;
}

Result<> CopyRegular(const LowerFile& file, const std::string& source, const Place& place) {
  UniqueFd from = TRY(Reopen(file, source, O_NONBLOCK));
  UniqueFd to(openat(place.dir.get(), place.name.c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return SystemError("create", place.name);
  TRY(CopyData(from.get(), to.get(), file.status.st_size, place.name));
  return CopyMetadata(from.get(), file.status, to.get(), place.name);
}

Result<> CopySymlinkOrNode(const LowerFile& file, const Place& place) {
  const char* name = place.name.c_str();
  if (S_ISLNK(file.status.st_mode)) {
    std::string target(PATH_MAX, '\0');
    ssize_t size = readlinkat(file.fd.get(), "", target.data(), target.size());
    if (size < 0) return SystemError("readlink", place.name);
    target.resize(static_cast<size_t>(size));
    if (symlinkat(target.c_str(), place.dir.get(), name) < 0) return SystemError("symlink", place.name);
  } else if (mknodat(place.dir.get(), name, file.status.st_mode, file.status.st_rdev) < 0) {
    return SystemError("mknod", place.name);
  } else if (fchmodat(place.dir.get(), name, file.status.st_mode & 07777, 0) < 0) {  // the umask is undone
    return SystemError("chmod", place.name);
  }
  if (fchownat(place.dir.get(), name, file.status.st_uid, file.status.st_gid, AT_SYMLINK_NOFOLLOW) < 0) {
    return SystemError("chown", place.name);
  }
  timespec times[2] = {file.status.st_atim, file.status.st_mtim};
  if (utimensat(place.dir.get(), name, times, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("utimensat", place.name);
  return {};
}

Result<> CopyFromBelow(const std::vector<UniqueFd>& lowers, const PendingLink& link, const Place& place) {
  std::optional<LowerFile> file = TRY(FindInLowers(lowers, link.target));
  if (!file) {
    return Fail(Code::kInvalidArgument, "unpack", link.path,
                "hard link to " + link.target + ", which does not exist");
  }
  if (S_ISDIR(file->status.st_mode)) {
    return Fail(Code::kInvalidArgument, "unpack", link.path, "hard link to a directory");
  }
  KeptTimes times(place.dir.get());
  return S_ISREG(file->status.st_mode) ? CopyRegular(*file, link.target, place)
                                       : CopySymlinkOrNode(*file, place);
}

// Links to one file below stay links to one file: the first becomes a copy, the others link to that.
Result<> MakePendingLinks(int layer_fd, const UnpackReport& report, const std::vector<UniqueFd>& lowers) {
  std::map<std::string, std::string> copies;  // by target
  for (const PendingLink& link : report.pending_links) {
    Place place = TRY(Locate(layer_fd, link.path));
    auto copy = copies.find(link.target);
    if (copy == copies.end()) {
      TRY(CopyFromBelow(lowers, link, place));
      copies.emplace(link.target, link.path);
      continue;
    }
    Place first = TRY(Locate(layer_fd, copy->second));
    KeptTimes times(place.dir.get());
    if (linkat(first.dir.get(), first.name.c_str(), place.dir.get(), place.name.c_str(), 0) < 0) {
      return SystemError("link", link.path);
    }
  }
  return {};
}

// True for what lies in a directory that this layer makes opaque: nothing below shows there.
bool IsCutOff(const std::set<std::string>& opaque_dirs, const std::string& path) {
  if (path.empty()) return false;
  if (opaque_dirs.contains("")) return true;
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (opaque_dirs.contains(path.substr(0, slash))) return true;
  }
  return false;
}

Result<> CopyDirMetadata(int layer_fd, const std::string& path, const std::vector<UniqueFd>& lowers) {
  std::optional<LowerFile> below = TRY(FindInLowers(lowers, path));
  if (!below || !S_ISDIR(below->status.st_mode)) return {};  // new here: keeps the default
  UniqueFd from = TRY(Reopen(*below, path, O_DIRECTORY));
  UniqueFd to = TRY(OpenDir(layer_fd, path));
  return CopyMetadata(from.get(), below->status, to.get(), path);
}

Result<> MarkOpaque(int layer_fd, const std::string& path) {
  UniqueFd dir = TRY(OpenDir(layer_fd, path));
  if (fsetxattr(dir.get(), "trusted.overlay.opaque", "y", 1, 0) < 0) {
    return SystemError("setxattr trusted.overlay.opaque", path);
  }
  return {};
}

// Overlayfs merges the roots of all layers whatever their marks say, so an opaque root hides name by name.
Result<> HideAllBelow(int layer_fd, const std::vector<UniqueFd>& lowers) {
  UniqueFd root = TRY(OpenDir(layer_fd, ""));
  KeptTimes times(root.get());
  for (const std::string& name : TRY(NamesInRoot(lowers))) {
    struct stat status;
    if (fstatat(root.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(status.st_mode)) TRY(MarkOpaque(layer_fd, name));
    } else if (mknodat(root.get(), name.c_str(), S_IFCHR, makedev(0, 0)) < 0) {
      return SystemError("mknod", name);
    }
  }
  return {};
}

}  // namespace

Result<> FixUpLayer(int layer_fd, const UnpackReport& report, const std::vector<UniqueFd>& lowers) {
  TRY(MakePendingLinks(layer_fd, report, lowers));
  for (const std::string& path : report.opaque_dirs) {
    TRY(path.empty() ? HideAllBelow(layer_fd, lowers) : MarkOpaque(layer_fd, path));
  }
  std::set<std::string> opaque_dirs(report.opaque_dirs.begin(), report.opaque_dirs.end());
  for (const std::string& path : report.implicit_dirs) {
    if (!IsCutOff(opaque_dirs, path)) TRY(CopyDirMetadata(layer_fd, path, lowers));
  }
  return {};
}

}  // namespace davit::images
