// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/extract_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <ranges>

#include "base/file_io.h"
#include "local/tree/file_attributes.h"

namespace davit::local {
namespace {

using images::TarEntry;
using images::TarType;

constexpr size_t kShownBytes = 256;
constexpr size_t kPerDirectory = 256;  // of memory, beside its path

std::unexpected<Error> Refuse(Code code, std::string_view name, std::string_view why) {
  return Fail(code, "extract", name.substr(0, kShownBytes), why);
}

std::unexpected<Error> Clash(const std::string& text, const std::string& path) {
  return Fail(Code::kFailedPrecondition, "", "", text + " \"" + path.substr(0, kShownBytes) + "\"");
}

Result<std::vector<std::string>> ComponentsOf(std::string_view name, const images::UnpackLimits& limits) {
  std::vector<std::string> components;
  if (name.find('\0') != std::string_view::npos)
    return Refuse(Code::kInvalidArgument, "entry", "a NUL in its name");
  if (name.size() > limits.path_bytes) return Refuse(Code::kResourceExhausted, name, "its path is too long");
  for (size_t pos = 0; pos < name.size();) {
    size_t end = std::min(name.find('/', pos), name.size());
    std::string_view component = name.substr(pos, end - pos);
    pos = end + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") return Refuse(Code::kInvalidArgument, name, "\"..\" in a path");
    if (components.size() == limits.path_depth)
      return Refuse(Code::kResourceExhausted, name, "its path is too long");
    components.emplace_back(component);
  }
  return components;
}

std::string DirOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string NameOf(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

mode_t NodeType(TarType type) {
  if (type == TarType::kCharDevice) return S_IFCHR;
  if (type == TarType::kBlockDevice) return S_IFBLK;
  return S_IFIFO;
}

bool IsDirectory(int parent_fd, const std::string& name) {
  struct stat status;
  return fstatat(parent_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Result<> TreeExtractor::Run(images::ChunkStream& archive) {
  images::TarReader reader(archive, limits_);
  while (std::optional<TarEntry> entry = TRY(reader.Next())) TRY(Apply(*entry, reader));
  TRY(reader.Drain());
  return FinishDirectories();
}

Result<std::optional<std::string>> TreeExtractor::PathOf(const std::string& name) const {
  std::vector<std::string> components = TRY(ComponentsOf(name, limits_));
  std::string path = options_.prefix;
  for (size_t i = options_.strip; i < components.size(); ++i)
    path += (path.empty() ? "" : "/") + components[i];
  if (path.empty() || components.size() < options_.strip) return std::optional<std::string>();
  return std::optional(std::move(path));
}

Result<UniqueFd> TreeExtractor::OpenDir(const std::string& path) const {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  if (!options_.follow_links) how.resolve |= RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  UniqueFd dir(
      static_cast<int>(syscall(SYS_openat2, dir_fd_, path.empty() ? "." : path.c_str(), &how, sizeof how)));
  if (!dir) return SystemError("open directory", path.substr(0, kShownBytes));
  return dir;
}

// Those that the archive has no entries for.
Result<UniqueFd> TreeExtractor::MakeDirs(const std::string& path) {
  Result<UniqueFd> found = OpenDir(path);
  if (found || found.error().os_errno != ENOENT || path.empty()) return found;
  UniqueFd parent = TRY(MakeDirs(DirOf(path)));
  if (mkdirat(parent.get(), NameOf(path).c_str(), 0755) < 0 && errno != EEXIST)
    return SystemError("mkdir", path.substr(0, kShownBytes));
  if (sets_owners() && fchownat(parent.get(), NameOf(path).c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("chown", path.substr(0, kShownBytes));
  return OpenDir(path);
}

Result<TreeExtractor::Place> TreeExtractor::PlaceOf(const std::string& path) {
  std::string dir = DirOf(path);
  if (!parent_ || parent_path_ != dir) {
    parent_ = TRY(MakeDirs(dir));
    parent_path_ = dir;
  }
  return Place{parent_.get(), NameOf(path), path};
}

Result<> TreeExtractor::Apply(const TarEntry& entry, images::TarReader& data) {
  ++outcome_.entries;
  std::optional<std::string> path = TRY(PathOf(entry.name));
  if (!path) {  // the directory itself
    if (entry.type == TarType::kDirectory && keeps_owners()) directories_["."] = entry;
    return {};
  }
  Place place = TRY(PlaceOf(*path));
  switch (entry.type) {
    case TarType::kDirectory:
      return MakeDirectory(place, entry);
    case TarType::kFile:
      return MakeFile(place, entry, data);
    case TarType::kHardLink:
      return MakeHardLink(place, entry);
    default:
      return MakeNode(place, entry);
  }
}

Result<> TreeExtractor::MakeDirectory(const Place& place, const TarEntry& entry) {
  bool made = mkdirat(place.parent_fd, place.name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return SystemError("mkdir", place.path);
  if (!made && !IsDirectory(place.parent_fd, place.name))
    return Clash("cannot overwrite non-directory with directory", place.path);
  if (!made && !keeps_owners() && !directories_.contains(place.path)) return {};
  directory_bytes_ += place.path.size() + kPerDirectory;
  if (directory_bytes_ > limits_.dir_bytes)
    return Refuse(Code::kResourceExhausted, place.path, "the archive has too many directories");
  directories_[place.path] = entry;
  return {};
}

Result<> TreeExtractor::Clear(const Place& place) {
  if (unlinkat(place.parent_fd, place.name.c_str(), 0) == 0 || errno == ENOENT) return {};
  int err = errno;
  if (IsDirectory(place.parent_fd, place.name))
    return Clash("cannot overwrite directory with non-directory", place.path);
  return SystemError("unlink", place.path, err);
}

Result<UniqueFd> TreeExtractor::CreateFile(const Place& place) {
  constexpr int kFlags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Result<> cleared = Clear(place);
  bool is_mounted = !cleared && cleared.error().os_errno == EBUSY;
  if (!is_mounted) TRY(std::move(cleared));
  UniqueFd file(
      openat(place.parent_fd, place.name.c_str(), kFlags | (is_mounted ? O_TRUNC : O_CREAT | O_EXCL), 0600));
  if (!file) return SystemError("create", place.path);
  struct stat status;
  if (fstat(file.get(), &status) < 0) return SystemError("fstat", place.path);
  if (!S_ISREG(status.st_mode)) return SystemError("create", place.path, EBUSY);
  return file;
}

Result<> TreeExtractor::MakeFile(const Place& place, const TarEntry& entry, images::TarReader& data) {
  UniqueFd file = TRY(CreateFile(place));
  if (Result<> written = WriteData(file.get(), entry, data); !written) {
    Error error = std::move(written).error();
    if (error.subject.empty()) error.subject = place.path;
    return std::unexpected(std::move(error));
  }
  return SetAttributes(file.get(), entry, place.path);
}

Result<> TreeExtractor::WriteData(int fd, const TarEntry& entry, images::TarReader& data) {
  if (entry.segments) return WriteSegments(fd, entry, data);
  for (std::string_view piece = TRY(data.ReadData()); !piece.empty(); piece = TRY(data.ReadData())) {
    TRY(WriteAll(fd, piece, ""));
    outcome_.bytes += piece.size();
  }
  return {};
}

Result<> TreeExtractor::WriteSegments(int fd, const TarEntry& entry, images::TarReader& data) {
  if (ftruncate(fd, static_cast<off_t>(entry.size)) < 0) return SystemError("ftruncate", "");
  std::string_view piece;
  for (const images::SparseSegment& segment : *entry.segments) {
    if (lseek(fd, static_cast<off_t>(segment.offset), SEEK_SET) < 0) return SystemError("lseek", "");
    for (uint64_t left = segment.length; left > 0;) {
      if (piece.empty()) piece = TRY(data.ReadData());
      // The reader has checked that segments and data are equally long.
      if (piece.empty()) return Fail(Code::kInternal, "extract", "", "sparse data end early");
      std::string_view part = piece.substr(0, static_cast<size_t>(std::min<uint64_t>(left, piece.size())));
      TRY(WriteAll(fd, part, ""));
      piece.remove_prefix(part.size());
      left -= part.size();
      outcome_.bytes += part.size();
    }
  }
  return {};
}

Result<> TreeExtractor::MakeHardLink(const Place& place, const TarEntry& entry) {
  std::optional<std::string> target = TRY(PathOf(entry.link));
  if (!target || *target == place.path)
    return Refuse(Code::kInvalidArgument, place.path, "a hard link to itself or to the directory");
  UniqueFd dir = TRY(OpenDir(DirOf(*target)));
  if (IsDirectory(dir.get(), NameOf(*target)))
    return Refuse(Code::kInvalidArgument, place.path, "a hard link to a directory");
  TRY(Clear(place));
  if (linkat(dir.get(), NameOf(*target).c_str(), place.parent_fd, place.name.c_str(), 0) < 0)
    return SystemError("link", place.path);
  return {};
}

Result<> TreeExtractor::MakeNode(const Place& place, const TarEntry& entry) {
  bool is_link = entry.type == TarType::kSymlink;
  bool is_device = entry.type == TarType::kCharDevice || entry.type == TarType::kBlockDevice;
  if (is_device && !options_.make_devices) {
    outcome_.problems.Add(place.path.substr(0, kShownBytes) + ": devices are not copied");
    return {};
  }
  TRY(Clear(place));
  const char* name = place.name.c_str();
  int made = is_link ? symlinkat(entry.link.c_str(), place.parent_fd, name)
                     : mknodat(place.parent_fd, name, NodeType(entry.type) | ModeOf(entry),
                               makedev(entry.device_major, entry.device_minor));
  if (made < 0) return SystemError(is_link ? "symlink" : "mknod", place.path);
  uid_t uid = keeps_owners() ? entry.uid : 0;
  gid_t gid = keeps_owners() ? entry.gid : 0;
  if (sets_owners() && fchownat(place.parent_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("chown", place.path);
  timespec times[2] = {entry.mtime, entry.mtime};
  if (utimensat(place.parent_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    return SystemError("utimensat", place.path);
  return {};
}

mode_t TreeExtractor::ModeOf(const TarEntry& entry) const {
  return keeps_owners() ? entry.mode : entry.mode & ~static_cast<mode_t>(S_ISUID | S_ISGID);
}

// chown(2) clears the set-user-ID bits and security.capability, so it comes first. Capabilities are for the
// owner's programs: without the owner they stay behind.
Result<> TreeExtractor::SetAttributes(int fd, const TarEntry& entry, const std::string& path) {
  uid_t uid = keeps_owners() ? entry.uid : 0;
  gid_t gid = keeps_owners() ? entry.gid : 0;
  if (sets_owners() && fchown(fd, uid, gid) < 0) return SystemError("chown", path);
  if (fchmod(fd, ModeOf(entry)) < 0) return SystemError("chmod", path);
  for (const auto& [name, value] : entry.xattrs) {
    if (!IsCarriedXattr(name) || (!keeps_owners() && name == "security.capability")) continue;
    bool is_set = fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0;
    if (!is_set && errno != EOPNOTSUPP && errno != EPERM) return SystemError("setxattr " + name, path);
  }
  timespec times[2] = {entry.mtime, entry.mtime};
  if (futimens(fd, times) < 0) return SystemError("futimens", path);
  return {};
}

// The deepest first: a directory that nobody may search hides those in it.
Result<> TreeExtractor::FinishDirectories() {
  parent_.Reset();
  for (const auto& [path, entry] : directories_ | std::views::reverse) {
    UniqueFd place = TRY(OpenDir(path));
    UniqueFd dir(openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir) return SystemError("open", path);
    TRY(SetAttributes(dir.get(), entry, path));
  }
  return {};
}

}  // namespace davit::local
