// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The directories of a layer that is being completed, entered one after the other.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/path_steps.h"

namespace davit::images {

// Holds a descriptor of each directory on the way to the current one: entering sorted paths opens each once
// (path_steps.h). `layer_fd` and `opaque_dirs` must outlive the object.
class LayerDirs {
 public:
  LayerDirs(int layer_fd, const std::vector<std::string>& opaque_dirs)
      : layer_fd_(layer_fd), opaque_dirs_(opaque_dirs.begin(), opaque_dirs.end()) {}

  // After an error the object cannot be used any more.
  Result<> Enter(std::string_view path);

  int fd() const { return levels_.back().fd.get(); }
  // True in a directory that lies in one that this layer makes opaque: nothing below shows there.
  bool cut_off() const { return levels_.back().cut_off; }

 private:
  struct Level {
    UniqueFd fd;
    bool cut_off = false;
    bool opaque = false;
  };

  Result<> Push(int dir_fd, std::string_view name, std::string_view path);

  const int layer_fd_;
  const std::set<std::string_view> opaque_dirs_;
  PathSteps steps_;
  std::vector<Level> levels_;  // the root first
};

}  // namespace davit::images
