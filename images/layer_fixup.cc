// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_fixup.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/open_beneath.h"
#include "images/layer_dirs.h"
#include "images/lower_layers.h"
#include "images/space_reserve.h"

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
  ssize_t size = flistxattr(from, nullptr, 0);
  if (size == 0 || (size < 0 && errno == EOPNOTSUPP)) return {};
  std::string names(XATTR_LIST_MAX, '\0');
  size = flistxattr(from, names.data(), names.size());
  if (size < 0) return SystemError("listxattr", path);
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

// chown(2) clears the set-user-ID bits and security.capability, so it comes first. Most directories have the
// owner and mode already: asking is cheaper than a change, which the filesystem writes to its journal.
Result<> CopyMetadata(int from, const struct stat& wanted, int to, const std::string& path) {
  struct stat now;
  if (fstat(to, &now) < 0) return SystemError("fstat", path);
  bool same_owner = now.st_uid == wanted.st_uid && now.st_gid == wanted.st_gid;
  if (!same_owner && fchown(to, wanted.st_uid, wanted.st_gid) < 0) return SystemError("chown", path);
  bool same_mode = same_owner && now.st_mode == wanted.st_mode;
  if (!same_mode && fchmod(to, wanted.st_mode & 07777) < 0) return SystemError("chmod", path);
  TRY(CopyXattrs(from, to, path));
  timespec times[2] = {wanted.st_atim, wanted.st_mtim};
  if (futimens(to, times) < 0) return SystemError("futimens", path);
  return {};
}

// Bytes between two checks whether the pull is wanted and there is room.
constexpr size_t kPieceBytes = 256 << 10;

// What a copy may use.
struct CopyLimits {
  FixUpBudget& budget;
  SpaceReserve& space;
};

Result<> CopyRange(int from, int to, off_t begin, off_t end, const std::string& path, CopyLimits limits) {
  off_t in = begin;
  off_t out = begin;
  while (in < end) {
    TRY(limits.budget.CheckWanted());
    size_t piece = std::min(static_cast<size_t>(end - in), kPieceBytes);
    TRY(limits.space.Use(piece, /*files=*/0));
    ssize_t copied = copy_file_range(from, &in, to, &out, piece, 0);
    if (copied < 0) return SystemError("copy_file_range", path);
    if (copied == 0) return Fail(Code::kInternal, "copy_file_range", path, "ended early");
  }
  return {};
}

// Copies what is data and leaves holes as they are: a sparse file must not become a full one.
Result<> CopyData(int from, int to, off_t size, const std::string& path, CopyLimits limits) {
  if (ftruncate(to, size) < 0) return SystemError("ftruncate", path);
  for (off_t offset = 0; offset < size;) {
    off_t data = lseek(from, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // a hole up to the end
    if (data < 0) return SystemError("lseek", path);
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) return SystemError("lseek", path);
    TRY(CopyRange(from, to, data, hole, path, limits));
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

// Of a file that was just written, so that it is in memory. A hole would take as long to read as data.
Result<> AddChecksum(int fd, const std::string& name, FixUpBudget& budget, std::vector<FileChecksum>& to) {
  struct stat status;
  if (fstat(fd, &status) < 0) return SystemError("fstat", name);
  bool has_holes = status.st_blocks * 512 < status.st_size;
  if (status.st_size == 0 || has_holes || to.size() >= kMostChecksums) return {};
  std::string buffer(kPieceBytes, '\0');
  Checksum checksum;
  for (off_t offset = 0; offset < status.st_size;) {
    TRY(budget.CheckWanted());
    ssize_t size = pread(fd, buffer.data(), buffer.size(), offset);
    if (size < 0) return SystemError("read", name);
    if (size == 0) return Fail(Code::kInternal, "read", name, "ended early");
    checksum.Update(std::string_view(buffer).substr(0, static_cast<size_t>(size)));
    offset += size;
  }
  to.push_back({status.st_ino, checksum.value()});
  return {};
}

Result<> CopyRegular(const LowerFile& file, const std::string& source, const Place& place, CopyLimits limits,
                     std::vector<FileChecksum>& checksums) {
  UniqueFd from = TRY(Reopen(file, source, O_NONBLOCK));
  UniqueFd to(
      openat(place.dir.get(), place.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return SystemError("create", place.name);
  TRY(CopyData(from.get(), to.get(), file.status.st_size, place.name, limits));
  TRY(AddChecksum(to.get(), place.name, limits.budget, checksums));
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

class FixUp {
 public:
  FixUp(int layer_fd, LayerNotes& notes, std::span<const UniqueFd> lowers, FixUpBudget& budget)
      : layer_fd_(layer_fd), notes_(notes), budget_(budget), space_(layer_fd), lowers_(lowers, budget) {}

  Result<> Run() {
    TRY(MakePendingLinks());
    TRY(MarkOpaqueDirs());
    return CompleteImplicitDirs();
  }

 private:
  Result<> MakePendingLinks();
  Result<> MakePendingLink(const PendingLink& link, const PendingLink& first);
  Result<> CopyFromBelow(const PendingLink& link, const Place& place);
  Result<> MarkOpaqueDirs();
  Result<> MarkOpaque(const std::string& path);
  Result<> HideAllBelow();
  Result<> CompleteImplicitDirs();
  Result<> CompleteImplicitDir(const std::string& path, int dir);

  const int layer_fd_;
  LayerNotes& notes_;
  FixUpBudget& budget_;
  SpaceReserve space_;
  LowerLayers lowers_;
};

// Links to one file below stay links to one file: the first becomes a copy, the others link to that.
Result<> FixUp::MakePendingLinks() {
  std::ranges::sort(notes_.pending_links, {}, &PendingLink::target);
  const PendingLink* first = nullptr;
  for (const PendingLink& link : notes_.pending_links) {
    if (!first || first->target != link.target) first = &link;
    TRY(MakePendingLink(link, *first));
  }
  return {};
}

Result<> FixUp::MakePendingLink(const PendingLink& link, const PendingLink& first) {
  TRY(budget_.Step());
  Place place = TRY(Locate(layer_fd_, link.path));
  KeptTimes times(place.dir.get());
  if (&link == &first) return CopyFromBelow(link, place);
  Place copy = TRY(Locate(layer_fd_, first.path));
  if (linkat(copy.dir.get(), copy.name.c_str(), place.dir.get(), place.name.c_str(), 0) < 0) {
    return SystemError("link", link.path);
  }
  return {};
}

Result<> FixUp::CopyFromBelow(const PendingLink& link, const Place& place) {
  const LowerFile* file = TRY(lowers_.Find(link.target));
  if (!file) {
    return Fail(Code::kInvalidArgument, "unpack", link.path,
                "hard link to " + link.target + ", which does not exist");
  }
  if (S_ISDIR(file->status.st_mode)) {
    return Fail(Code::kInvalidArgument, "unpack", link.path, "hard link to a directory");
  }
  TRY(space_.Use(/*bytes=*/0, /*files=*/1));
  if (!S_ISREG(file->status.st_mode)) return CopySymlinkOrNode(*file, place);
  return CopyRegular(*file, link.target, place, {budget_, space_}, notes_.checksums);
}

Result<> FixUp::MarkOpaqueDirs() {
  for (const std::string& path : notes_.opaque_dirs) {
    TRY(budget_.Step());
    TRY(path.empty() ? HideAllBelow() : MarkOpaque(path));
  }
  return {};
}

Result<> FixUp::MarkOpaque(const std::string& path) {
  UniqueFd dir = TRY(OpenDir(layer_fd_, path));
  if (fsetxattr(dir.get(), "trusted.overlay.opaque", "y", 1, 0) < 0) {
    return SystemError("setxattr trusted.overlay.opaque", path);
  }
  return {};
}

// Overlayfs merges the roots of all layers whatever their marks say, so an opaque root hides name by name.
Result<> FixUp::HideAllBelow() {
  UniqueFd root = TRY(OpenDir(layer_fd_, ""));
  KeptTimes times(root.get());
  for (const std::string& name : TRY(lowers_.NamesInRoot())) {
    struct stat status;
    if (fstatat(root.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(status.st_mode)) TRY(MarkOpaque(name));
      continue;
    }
    TRY(space_.Use(/*bytes=*/0, /*files=*/1));
    if (mknodat(root.get(), name.c_str(), S_IFCHR, makedev(0, 0)) < 0) return SystemError("mknod", name);
  }
  return {};
}

Result<> FixUp::CompleteImplicitDirs() {
  TRY(budget_.TakeDirectories(notes_.implicit_dirs.size()));
  LayerDirs dirs(layer_fd_, notes_.opaque_dirs);
  for (const std::string& path : notes_.implicit_dirs) {
    TRY(budget_.Step());
    TRY(dirs.Enter(path));
    if (!dirs.cut_off()) TRY(CompleteImplicitDir(path, dirs.fd()));
  }
  return {};
}

// A directory that is new in this layer keeps its default metadata.
Result<> FixUp::CompleteImplicitDir(const std::string& path, int dir) {
  const LowerFile* below = TRY(lowers_.Find(path));
  if (!below || !S_ISDIR(below->status.st_mode)) return {};
  return CopyMetadata(below->fd.get(), below->status, dir, path);
}

}  // namespace

Result<> FixUpLayer(int layer_fd, LayerNotes& notes, std::span<const UniqueFd> lowers, FixUpBudget& budget) {
  return FixUp(layer_fd, notes, lowers, budget).Run();
}

}  // namespace davit::images
