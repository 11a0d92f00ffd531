// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/layer_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>

#include "base/file_io.h"
#include "images/unpack/layer_path.h"

namespace davit::images {
namespace {

// Names that a layer may set. trusted.overlay.* would steer the overlay itself (redirects into other layers);
// the rest of trusted.* and the labels of security modules are the host's business.
bool MaySetXattr(std::string_view name) {
  return name.starts_with("user.") || name == "security.capability" || name == "system.posix_acl_access" ||
         name == "system.posix_acl_default";
}

// Runs `create`; when something is in its way, clears it and runs `create` once more.
template <typename Create, typename Clear>
Result<int> CreateOver(std::string_view call, const std::string& path, Create create, Clear clear) {
  int result = create();
  if (result < 0 && errno == EEXIST) {
    TRY(clear());
    result = create();
  }
  if (result < 0) return SystemError(call, path);
  return result;
}

mode_t NodeType(TarType type) {
  if (type == TarType::kCharDevice) return S_IFCHR;
  if (type == TarType::kBlockDevice) return S_IFBLK;
  return S_IFIFO;
}

}  // namespace

LayerWriter::LayerWriter(int root_fd, const UnpackLimits& limits)
    : limits_(limits), tree_(root_fd, limits), space_(root_fd) {}

Result<> LayerWriter::Apply(const TarEntry& entry, TarReader& data) {
  if (entries_++ == 0) TRY(tree_.NoteImplicit(""));  // until an entry says what the root is like
  std::string path = TRY(CleanLayerPath(entry.name, limits_));
  if (path.empty()) return ApplyRoot(entry);
  if (IsAufsMetadata(path)) return {};
  TRY(space_.Use(/*bytes=*/0, 1 + static_cast<uint64_t>(std::ranges::count(path, '/'))));
  LayerPlace place = TRY(tree_.Locate(path, MissingDirs::kMake));
  if (place.name == kOpaqueMarker) return MarkOpaque(place);
  if (place.name.starts_with(kWhiteoutPrefix)) return Whiteout(place);
  if (!pending_links_.empty()) pending_links_.erase(place.Path());
  switch (entry.type) {
    case TarType::kDirectory:
      return MakeDirectory(place, entry);
    case TarType::kFile:
      return MakeFile(place, entry, data);
    case TarType::kHardLink:
      return MakeHardLink(place, entry);
    default:
      return MakeSymlinkOrNode(place, entry);
  }
}

Result<> LayerWriter::ApplyRoot(const TarEntry& entry) {
  if (entry.type != TarType::kDirectory) {
    return Fail(Code::kInvalidArgument, "unpack", entry.name, "the layer's root is not a directory");
  }
  UniqueFd root = TRY(tree_.OpenDir(""));
  TRY(SetOwnerModeXattrs(root.get(), entry, "/"));
  tree_.ForgetImplicit("");
  return SetTimesLater("", entry);
}

Result<> LayerWriter::SetTimesLater(const std::string& dir, const TarEntry& entry) {
  dir_bytes_ += dir.size() + kNoteOverhead;
  if (dir_bytes_ > limits_.dir_bytes)
    return Fail(Code::kResourceExhausted, "unpack", "layer", "the paths of its directories are too long");
  dir_times_[dir] = {entry.atime.value_or(entry.mtime), entry.mtime};
  return {};
}

Result<> LayerWriter::MarkOpaque(const LayerPlace& place) {
  return tree_.NoteOpaque(place.dir);
}

Result<> LayerWriter::Whiteout(const LayerPlace& place) {
  LayerPlace hidden = place;
  hidden.name.erase(0, kWhiteoutPrefix.size());
  if (hidden.name.empty() || hidden.name == "." || hidden.name == "..") {
    return Fail(Code::kInvalidArgument, "unpack", place.Path(), "a whiteout of nothing");
  }
  if (mknodat(hidden.fd(), hidden.name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
  if (errno != EEXIST) return SystemError("mknod", hidden.Path());
  // The layer has something of that name itself, which hides the rest; of a directory only when it is opaque.
  LayerNode node = TRY(LookAt(hidden.fd(), hidden.name));
  return node.is_dir ? tree_.NoteOpaque(hidden.Path()) : Result<>();
}

Result<> LayerWriter::Clear(const LayerPlace& place) {
  std::string path = place.Path();
  TRY(tree_.Remove(place));
  auto erase_below = [&path](auto& notes) {
    notes.erase(path);
    auto first = notes.lower_bound(path + "/");
    auto last = first;
    while (last != notes.end() && IsAtOrBelow(last->first, path)) ++last;
    notes.erase(first, last);
  };
  erase_below(dir_times_);
  erase_below(pending_links_);
  return {};
}

Result<> LayerWriter::MakeDirectory(const LayerPlace& place, const TarEntry& entry) {
  std::string path = place.Path();
  if (mkdirat(place.fd(), place.name.c_str(), 0700) < 0) {
    if (errno != EEXIST) return SystemError("mkdir", path);
    LayerNode node = TRY(LookAt(place.fd(), place.name));
    if (!node.is_dir) {
      TRY(Clear(place));
      if (node.is_whiteout) TRY(tree_.NoteOpaque(path));
      if (mkdirat(place.fd(), place.name.c_str(), 0700) < 0) return SystemError("mkdir", path);
    }
  }
  UniqueFd dir = TRY(OpenAt(place.fd(), place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(SetOwnerModeXattrs(dir.get(), entry, path));
  tree_.ForgetImplicit(path);
  return SetTimesLater(path, entry);
}

Result<> LayerWriter::MakeFile(const LayerPlace& place, const TarEntry& entry, TarReader& data) {
  std::string path = place.Path();
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  auto create = [&] { return openat(place.fd(), place.name.c_str(), kFlags, 0600); };
  UniqueFd file(TRY(CreateOver("create", path, create, [&] { return Clear(place); })));
  if (auto written = WriteData(file.get(), entry, data); !written) {
    Error error = std::move(written).error();
    if (error.subject.empty()) error.subject = path;
    return std::unexpected(std::move(error));
  }
  TRY(SetOwnerModeXattrs(file.get(), entry, path));
  timespec times[2] = {entry.atime.value_or(entry.mtime), entry.mtime};
  if (futimens(file.get(), times) < 0) return SystemError("futimens", path);
  return {};
}

Result<> LayerWriter::WriteData(int fd, const TarEntry& entry, TarReader& data) {
  return entry.segments ? WriteSegments(fd, entry, data) : WriteWhole(fd, data);
}

Result<> LayerWriter::WriteWhole(int fd, TarReader& data) {
  Checksum checksum;
  bool empty = true;
  for (std::string_view piece = TRY(data.ReadData()); !piece.empty(); piece = TRY(data.ReadData())) {
    TRY(space_.Use(piece.size(), /*files=*/0));
    TRY(WriteAll(fd, piece, ""));
    checksum.Update(piece);
    empty = false;
  }
  if (empty || checksums_.size() >= kMostChecksums) return {};
  struct stat status;
  if (fstat(fd, &status) < 0) return SystemError("fstat", "");
  checksums_.push_back({status.st_ino, checksum.value()});
  return {};
}

Result<> LayerWriter::WriteSegments(int fd, const TarEntry& entry, TarReader& data) {
  ++sparse_files_;
  if (ftruncate(fd, static_cast<off_t>(entry.size)) < 0) return SystemError("ftruncate", "");
  std::string_view piece;
  for (const SparseSegment& segment : *entry.segments) {
    if (lseek(fd, static_cast<off_t>(segment.offset), SEEK_SET) < 0) return SystemError("lseek", "");
    for (uint64_t left = segment.length; left > 0;) {
      if (piece.empty()) piece = TRY(data.ReadData());
      // The reader has checked that segments and data are equally long.
      if (piece.empty()) return Fail(Code::kInternal, "unpack", "", "sparse data end early");
      std::string_view part = piece.substr(0, static_cast<size_t>(std::min<uint64_t>(left, piece.size())));
      TRY(space_.Use(part.size(), /*files=*/0));
      TRY(WriteAll(fd, part, ""));
      piece.remove_prefix(part.size());
      left -= part.size();
    }
  }
  return {};
}

// chown(2) clears the set-user-ID bits and security.capability, so it comes first.
Result<> LayerWriter::SetOwnerModeXattrs(int fd, const TarEntry& entry, const std::string& path) {
  if (fchown(fd, entry.uid, entry.gid) < 0) return SystemError("chown", path);
  if (fchmod(fd, entry.mode) < 0) return SystemError("chmod", path);
  return SetXattrs(fd, entry, path);
}

Result<> LayerWriter::SetXattrs(int fd, const TarEntry& entry, const std::string& path) {
  for (const auto& [name, value] : entry.xattrs) {
    if (!MaySetXattr(name)) {
      ++dropped_xattrs_;
    } else if (fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) < 0) {
      if (errno == EINVAL) return Fail(Code::kInvalidArgument, "setxattr " + name, path, "malformed value");
      if (errno != EOPNOTSUPP) return SystemError("setxattr " + name, path);
      ++dropped_xattrs_;
    }
  }
  return {};
}

Result<> LayerWriter::MakeHardLink(const LayerPlace& place, const TarEntry& entry) {
  std::string path = place.Path();
  std::string target = TRY(CleanLayerPath(entry.link, limits_));
  if (target.empty() || target == path) {
    return Fail(Code::kInvalidArgument, "unpack", path, "a hard link to itself or to the layer's root");
  }
  if (TRY(LinkWithin(place, target))) return {};
  if (TRY(LookAt(place.fd(), place.name)).exists) TRY(Clear(place));
  TRY(tree_.CountNote(path.size() + target.size()));
  pending_links_[path] = target;
  return {};
}

// False when the layer has no such target (yet).
Result<bool> LayerWriter::LinkWithin(const LayerPlace& place, const std::string& target) {
  auto source = tree_.Locate(target, MissingDirs::kFail);
  if (!source && source.error().os_errno == ENOENT) return false;
  if (!source) return std::unexpected(std::move(source).error());
  LayerNode node = TRY(LookAt(source->fd(), source->name));
  if (!node.exists || node.is_whiteout) return false;
  if (node.is_dir) return Fail(Code::kInvalidArgument, "unpack", place.Path(), "a hard link to a directory");
  if (source->Path() == place.Path()) return true;  // by way of a symlinked directory
  auto link = [&] { return linkat(source->fd(), source->name.c_str(), place.fd(), place.name.c_str(), 0); };
  TRY(CreateOver("link", place.Path(), link, [&] { return Clear(place); }));
  return true;
}

Result<> LayerWriter::MakeSymlinkOrNode(const LayerPlace& place, const TarEntry& entry) {
  std::string path = place.Path();
  const char* name = place.name.c_str();
  auto create = [&] {
    if (entry.type == TarType::kSymlink) return symlinkat(entry.link.c_str(), place.fd(), name);
    return mknodat(place.fd(), name, NodeType(entry.type) | entry.mode,
                   makedev(entry.device_major, entry.device_minor));
  };
  TRY(CreateOver(entry.type == TarType::kSymlink ? "symlink" : "mknod", path, create,
                 [&] { return Clear(place); }));
  if (fchownat(place.fd(), name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("chown", path);
  // What was just made is no symlink, so that following is harmless; the umask is undone.
  bool has_mode = entry.type != TarType::kSymlink;
  if (has_mode && fchmodat(place.fd(), name, entry.mode, 0) < 0) return SystemError("chmod", path);
  timespec times[2] = {entry.atime.value_or(entry.mtime), entry.mtime};
  if (utimensat(place.fd(), name, times, AT_SYMLINK_NOFOLLOW) < 0) return SystemError("utimensat", path);
  // None of the attributes that a layer may set exists on these types.
  dropped_xattrs_ += entry.xattrs.size();
  return {};
}

// Some writers put a link in front of its target.
Result<> LayerWriter::ResolvePendingLinks() {
  for (auto link = pending_links_.begin(); link != pending_links_.end();) {
    auto [path, target] = *link++;
    LayerPlace place = TRY(tree_.Locate(path, MissingDirs::kMake));
    bool taken = TRY(LookAt(place.fd(), place.name)).exists;  // by a directory that a later entry lies in
    if (taken || TRY(LinkWithin(place, target))) pending_links_.erase(path);
  }
  return {};
}

Result<> LayerWriter::Finish(UnpackReport& report) {
  TRY(ResolvePendingLinks());
  for (const auto& [path, times] : dir_times_) {
    UniqueFd dir = TRY(tree_.OpenDir(path));
    timespec both[2] = {times.atime, times.mtime};
    if (futimens(dir.get(), both) < 0) return SystemError("futimens", path);
  }
  if (entries_ == 0) TRY(tree_.NoteImplicit(""));
  report.entries = entries_;
  report.dropped_xattrs = dropped_xattrs_;
  report.sparse_files = sparse_files_;
  return {};
}

LayerNotes LayerWriter::TakeNotes() {
  LayerNotes notes;
  notes.implicit_dirs.assign(tree_.implicit_dirs().begin(), tree_.implicit_dirs().end());
  notes.opaque_dirs.assign(tree_.opaque_dirs().begin(), tree_.opaque_dirs().end());
  for (const auto& [path, target] : pending_links_) notes.pending_links.push_back({path, target});
  notes.checksums = std::move(checksums_);
  return notes;
}

}  // namespace davit::images
