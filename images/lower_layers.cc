// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/lower_layers.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <set>

#include "base/directory.h"
#include "base/open_beneath.h"

namespace davit::images {
namespace {

bool IsOpaque(int dir_fd) {
  char value = 0;
  return fgetxattr(dir_fd, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

Result<UniqueFd> OpenInLayer(int dir_fd, const std::string& name) {
  return OpenBeneath(dir_fd, name, Resolve::kStrict, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

bool IsOverlayWhiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

Result<const LowerFile*> LowerLayers::Find(std::string_view path) {
  if (layers_.empty()) return nullptr;
  if (levels_.empty()) TRY(EnterRoot());
  PathSteps::Move move = TRY(steps_.MoveTo(path));
  while (levels_.size() > move.kept + 1) levels_.pop_back();
  for (std::string_view name : move.entered) levels_.push_back(TRY(LookUp(name)));
  return levels_.back().found ? &levels_.back().file : nullptr;
}

// Overlayfs merges the roots of all layers, whatever their marks say.
Result<> LowerLayers::EnterRoot() {
  Level root;
  root.layer = layers_.size() - 1;
  root.opaque = false;
  if (TRY(LookIn(layers_[root.layer].get(), ".", root.layer, root)) != Seen::kFound) {
    return Fail(Code::kInternal, "complete layer", "", "a layer below is not a directory");
  }
  levels_.push_back(std::move(root));
  return {};
}

// Looks the name up in the directory that the walk is in.
Result<LowerLayers::Level> LowerLayers::LookUp(std::string_view name) {
  const Level& parent = levels_.back();
  Level level;
  level.name = name;
  if (!parent.found || !S_ISDIR(parent.file.status.st_mode)) return level;
  Seen seen = TRY(LookIn(parent.file.fd.get(), name, parent.layer, level));
  if (seen == Seen::kNothing && HidesBelow(levels_.size() - 1)) seen = Seen::kHidden;
  for (size_t layer = parent.layer; seen == Seen::kNothing && layer > 0; --layer) {
    if (!IsAbsentIn(layer - 1)) seen = TRY(LookFromRoot(layer - 1, name, level));
  }
  level.found = seen == Seen::kFound;
  return level;
}

Result<LowerLayers::Seen> LowerLayers::LookIn(int dir_fd, std::string_view name, size_t layer, Level& level) {
  TRY(budget_.Step());
  std::string text(name);
  auto fd = OpenInLayer(dir_fd, text);
  if (!fd && (fd.error().os_errno == ENOTDIR || fd.error().os_errno == ELOOP)) {
    fd = OpenBeneath(dir_fd, text, Resolve::kStrict, O_PATH | O_NOFOLLOW);
  }
  if (!fd && fd.error().os_errno == ENOENT) return Seen::kNothing;
  level.file.fd = TRY(std::move(fd));
  if (fstat(level.file.fd.get(), &level.file.status) < 0) return SystemError("fstat", name);
  if (IsOverlayWhiteout(level.file.status)) return Seen::kHidden;
  level.file.layer_fd = layers_[layer].get();
  level.layer = layer;
  level.found = true;
  return Seen::kFound;
}

// Follows the walk's path in a layer in which it was not followed yet.
Result<LowerLayers::Seen> LowerLayers::LookFromRoot(size_t layer, std::string_view name, Level& level) {
  UniqueFd dir;
  for (size_t i = 1; i < levels_.size(); ++i) {
    TRY(budget_.Step());
    auto next = OpenInLayer(dir ? dir.get() : layers_[layer].get(), levels_[i].name);
    if (next) {
      dir = std::move(*next);
      level.below_opaque = level.below_opaque || IsOpaque(dir.get());
      continue;
    }
    // A file, a symlink or a whiteout where the path needs a directory.
    if (next.error().os_errno == ENOTDIR || next.error().os_errno == ELOOP) return Seen::kHidden;
    if (next.error().os_errno != ENOENT) return std::unexpected(std::move(next).error());
    if (level.below_opaque) return Seen::kHidden;
    levels_[i].absent.resize(layers_.size());
    levels_[i].absent[layer] = true;
    return Seen::kNothing;
  }
  Seen seen = TRY(LookIn(dir ? dir.get() : layers_[layer].get(), name, layer, level));
  return seen == Seen::kNothing && level.below_opaque ? Seen::kHidden : seen;
}

// True if a directory on the way is known to be absent in this layer.
bool LowerLayers::IsAbsentIn(size_t layer) const {
  return std::ranges::any_of(
      levels_, [layer](const Level& level) { return !level.absent.empty() && level.absent[layer]; });
}

// Does this directory, or one above it in the same layer, hide what the layers below have at its path?
bool LowerLayers::HidesBelow(size_t index) {
  Level& level = levels_[index];
  if (!level.opaque) {
    bool same_layer = index > 0 && levels_[index - 1].layer == level.layer;
    level.opaque =
        level.below_opaque || IsOpaque(level.file.fd.get()) || (same_layer && HidesBelow(index - 1));
  }
  return *level.opaque;
}

Result<std::vector<std::string>> LowerLayers::NamesInRoot() {
  std::set<std::string> hidden;
  std::set<std::string> names;
  for (size_t layer = layers_.size(); layer > 0; --layer) {
    int root = layers_[layer - 1].get();
    TRY(ForEachName(root, [&](const std::string& name) -> Result<> {
      if (hidden.contains(name)) return {};
      TRY(budget_.Step());
      if (hidden.size() + names.size() >= kMostRootNames)
        return Fail(Code::kResourceExhausted, "complete layer", "", "too many names in the root directory");
      struct stat status;
      if (fstatat(root, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return SystemError("stat", name);
      if (!IsOverlayWhiteout(status)) {
        names.insert(name);
      } else if (!names.contains(name)) {
        hidden.insert(name);
      }
      return {};
    }));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace davit::images
