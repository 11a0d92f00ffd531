// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a stack of overlay lower directories shows at a path, without mounting it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

struct LowerFile {
  UniqueFd fd;        // O_PATH
  int layer_fd = -1;  // of the layer that it was found in; not owned
  struct stat status{};
};

// The file that overlayfs would show: the topmost layer's that has one, unless a whiteout, an opaque
// directory or something that is no directory lies above it. Symlinks are never followed.
Result<std::optional<LowerFile>> FindInLowers(const std::vector<UniqueFd>& lowers, const std::string& path);

// Names that the stack shows in its root directory.
Result<std::vector<std::string>> NamesInRoot(const std::vector<UniqueFd>& lowers);

bool IsOverlayWhiteout(const struct stat& status);

}  // namespace davit
