// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_dirs.h"

#include <fcntl.h>

#include "base/open_beneath.h"

namespace davit::images {

Result<> LayerDirs::Enter(std::string_view path) {
  if (levels_.empty()) TRY(Push(layer_fd_, ".", ""));
  PathSteps::Move move = TRY(steps_.MoveTo(path));
  while (levels_.size() > move.kept + 1) levels_.pop_back();
  for (std::string_view name : move.entered) {
    size_t end = static_cast<size_t>(name.data() - path.data()) + name.size();
    TRY(Push(levels_.back().fd.get(), name, path.substr(0, end)));
  }
  return {};
}

Result<> LayerDirs::Push(int dir_fd, std::string_view name, std::string_view path) {
  Level level;
  level.fd = TRY(OpenBeneath(dir_fd, std::string(name), Resolve::kStrict, O_RDONLY | O_DIRECTORY));
  level.opaque = !opaque_dirs_.empty() && opaque_dirs_.contains(path);
  level.cut_off = !levels_.empty() && (levels_.back().cut_off || levels_.back().opaque);
  levels_.push_back(std::move(level));
  return {};
}

}  // namespace davit::images
