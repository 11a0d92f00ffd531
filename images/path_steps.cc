// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/path_steps.h"

#include <algorithm>

#include "base/path_components.h"
#include "images/unpack/limits.h"

namespace davit::images {
namespace {

size_t CommonBytes(std::string_view a, std::string_view b) {
  if (b.starts_with(a)) return a.size();  // as a rule: one level deeper
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

Result<PathSteps::Move> PathSteps::MoveTo(std::string_view path) {
  size_t same = CommonBytes(path_, path);
  auto stays = [&](size_t end) { return end <= same && (end == path.size() || path[end] == '/'); };
  while (!ends_.empty() && !stays(ends_.back())) ends_.pop_back();
  Move move{ends_.size(), PathComponents(path.substr(ends_.empty() ? 0 : ends_.back()))};
  if (move.kept + move.entered.size() > UnpackLimits().path_depth) {
    return Fail(Code::kInvalidArgument, "complete layer", path.substr(0, 64), "the path is too deep");
  }
  for (std::string_view name : move.entered) {
    if (!IsPathComponent(name))
      return Fail(Code::kInvalidArgument, "complete layer", path, "not a path below the root");
    ends_.push_back(static_cast<size_t>(name.data() - path.data()) + name.size());
  }
  path_ = path;
  return move;
}

}  // namespace davit::images
