// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/layer_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <climits>
#include <deque>
#include <vector>

#include "base/directory.h"
#include "base/open_beneath.h"
#include "images/unpack/layer_path.h"

namespace davit::images {
namespace {

constexpr int kMaxSymlinks = 40;  // as the kernel's own lookups (path_resolution(7))

std::string OrDot(const std::string& path) {
  return path.empty() ? "." : path;
}

std::unexpected<Error> NoDirectory(const std::string& path) {
  return Fail(Code::kInvalidArgument, "unpack", path, "not a directory, but something lies in it");
}

Result<std::string> ReadLink(int dir_fd, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  ssize_t size = readlinkat(dir_fd, name.c_str(), target.data(), target.size());
  if (size < 0) return SystemError("readlink", name);
  target.resize(static_cast<size_t>(size));
  return target;
}

// The components of `path` in front of what `todo` has already.
void Prepend(std::deque<std::string>& todo, std::string_view path) {
  std::vector<std::string> components;
  for (size_t pos = 0; pos < path.size();) {
    size_t end = std::min(path.find('/', pos), path.size());
    if (end > pos && path.substr(pos, end - pos) != ".") components.emplace_back(path.substr(pos, end - pos));
    pos = end + 1;
  }
  todo.insert(todo.begin(), components.begin(), components.end());
}

void EraseAtOrBelow(std::set<std::string>& paths, const std::string& dir) {
  paths.erase(dir);
  auto first = paths.lower_bound(dir + "/");
  auto last = first;
  while (last != paths.end() && IsAtOrBelow(*last, dir)) ++last;
  paths.erase(first, last);
}

}  // namespace

std::string LayerPlace::Path() const {
  return JoinPath(dir, name);
}

Result<LayerNode> LookAt(int dir_fd, const std::string& name) {
  struct stat status;
  LayerNode node;
  if (fstatat(dir_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return node;
    return SystemError("stat", name);
  }
  node.exists = true;
  node.is_dir = S_ISDIR(status.st_mode);
  node.is_symlink = S_ISLNK(status.st_mode);
  node.is_whiteout = S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
  return node;
}

Result<UniqueFd> LayerTree::OpenDir(const std::string& real_path) const {
  return OpenBeneath(root_fd_, OrDot(real_path), Resolve::kStrict, O_RDONLY | O_DIRECTORY);
}

Result<std::shared_ptr<const UniqueFd>> LayerTree::Open(const std::string& real_path) {
  for (const CachedDir& cached : cache_) {
    if (cached.fd && cached.path == real_path) return cached.fd;
  }
  auto opened = OpenBeneath(root_fd_, OrDot(real_path), Resolve::kStrict, O_PATH | O_DIRECTORY);
  if (!opened) return std::unexpected(std::move(opened).error());
  auto fd = std::make_shared<const UniqueFd>(std::move(*opened));
  cache_[next_slot_] = {real_path, fd};
  next_slot_ = (next_slot_ + 1) % cache_.size();
  return fd;
}

Result<LayerPlace> LayerTree::Locate(const std::string& path, MissingDirs missing) {
  LayerPlace place;
  place.name = BaseName(path);
  place.dir = DirName(path);
  auto fd = Open(place.dir);
  if (!fd) {
    // Missing, a symlink on the way, or no directory: find out which, step by step.
    place.dir = TRY(FindRealDir(place.dir, missing));
    fd = Open(place.dir);
  }
  place.dir_fd = TRY(std::move(fd));
  return place;
}

Result<std::string> LayerTree::FindRealDir(std::string_view dir, MissingDirs missing) {
  std::string real;
  std::deque<std::string> todo;
  Prepend(todo, dir);
  int symlinks = 0;
  while (!todo.empty()) {
    std::string name = std::move(todo.front());
    todo.pop_front();
    if (name == "..") {  // out of a symlink; the root is its own parent
      real = DirName(real);
      continue;
    }
    auto parent = TRY(Open(real));
    LayerNode node = TRY(LookAt(parent->get(), name));
    std::string path = JoinPath(real, name);
    if (node.is_symlink) {
      if (++symlinks > kMaxSymlinks) return Fail(Code::kInvalidArgument, "unpack", path, "too many symlinks");
      std::string target = TRY(ReadLink(parent->get(), name));
      if (target.starts_with('/')) real.clear();
      Prepend(todo, target);
      continue;
    }
    if (node.exists && !node.is_dir && !node.is_whiteout) return NoDirectory(path);
    if (!node.is_dir) {
      if (missing == MissingDirs::kFail) return SystemError("open", path, ENOENT);
      TRY(MakeDir(real, name, node.is_whiteout));
    }
    real = std::move(path);
  }
  if (real.size() > limits_.path_bytes) return Fail(Code::kResourceExhausted, "unpack", dir, "path too long");
  return real;
}

// A directory in the place of a whiteout hides what the layers below have of that name, as the whiteout did.
Result<> LayerTree::MakeDir(const std::string& parent, const std::string& name, bool replaces_whiteout) {
  auto fd = TRY(Open(parent));
  std::string path = JoinPath(parent, name);
  if (replaces_whiteout) {
    if (unlinkat(fd->get(), name.c_str(), 0) < 0) return SystemError("unlink", path);
    TRY(NoteOpaque(path));
  }
  if (mkdirat(fd->get(), name.c_str(), 0755) < 0) return SystemError("mkdir", path);
  return NoteImplicit(path);
}

Result<> LayerTree::Remove(const LayerPlace& place) {
  LayerNode node = TRY(LookAt(place.fd(), place.name));
  std::string path = place.Path();
  if (node.is_dir) TRY(Empty(path));
  if (unlinkat(place.fd(), place.name.c_str(), node.is_dir ? AT_REMOVEDIR : 0) < 0)
    return SystemError("unlink", path);
  EraseAtOrBelow(implicit_dirs_, path);
  EraseAtOrBelow(opaque_dirs_, path);
  return {};
}

// Two descriptors at a time, however deep the tree is. It drops the cached directories, which may be among
// what goes.
Result<> LayerTree::Empty(const std::string& real_path) {
  cache_ = {};
  UniqueFd fd = TRY(OpenDir(real_path));
  std::vector<std::string> dirs;
  TRY(ForEachName(fd.get(), [&](const std::string& name) -> Result<> {
    if (TRY(LookAt(fd.get(), name)).is_dir) {
      dirs.push_back(name);
    } else if (unlinkat(fd.get(), name.c_str(), 0) < 0) {
      return SystemError("unlink", JoinPath(real_path, name));
    }
    return {};
  }));
  fd.Reset();
  for (const std::string& name : dirs) {
    TRY(Empty(JoinPath(real_path, name)));
    UniqueFd parent = TRY(OpenDir(real_path));
    if (unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) < 0)
      return SystemError("rmdir", JoinPath(real_path, name));
  }
  return {};
}

Result<> LayerTree::CountNote(size_t path_bytes) {
  noted_bytes_ += path_bytes + kNoteOverhead;
  if (noted_bytes_ <= limits_.note_bytes) return {};
  return Fail(Code::kResourceExhausted, "unpack", "layer",
              "too many directories that have no entry or hide others, and links to other layers");
}

Result<> LayerTree::Note(std::set<std::string>& notes, const std::string& path) {
  TRY(CountNote(path.size()));
  notes.insert(path);
  return {};
}

}  // namespace davit::images
