// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_fixup.h"

#include <fcntl.h>
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
#include "images/node_copy.h"
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
bool IsCopiedXattr(std::string_view name) {
  return !name.starts_with("trusted.");
}

// What a copy may use.
struct CopyLimits {
  FixUpBudget& budget;
  SpaceReserve& space;

  // Before each piece: whether the pull is wanted, and whether there is room.
  Result<> operator()(size_t bytes) const {
    TRY(budget.CheckWanted());
    return space.Use(bytes, /*files=*/0);
  }
};

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
  std::string buffer(kCopyPieceBytes, '\0');
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
  return CopyMetadata(from.get(), file.status, to.get(), place.name, IsCopiedXattr);
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
  if (!S_ISREG(file->status.st_mode))
    return CopySymlinkOrNode(file->fd.get(), file->status, place.dir.get(), place.name);
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
  return CopyMetadata(below->fd.get(), below->status, dir, path, IsCopiedXattr);
}

}  // namespace

Result<> FixUpLayer(int layer_fd, LayerNotes& notes, std::span<const UniqueFd> lowers, FixUpBudget& budget) {
  return FixUp(layer_fd, notes, lowers, budget).Run();
}

}  // namespace davit::images
