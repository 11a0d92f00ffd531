// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Looks up paths in a stack of overlay lower directories, without mounting it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::images {

struct LowerFile {
  UniqueFd fd;        // O_PATH
  int layer_fd = -1;  // of the layer that it was found in; not owned
  struct stat status{};
};

// The file that overlayfs would show at `path`: that of the topmost layer that has it, unless a whiteout, an
// opaque directory or a non-directory of a higher layer hides it. nullopt if there is none. `lowers` has the
// topmost layer first. Symlinks are never followed.
Result<std::optional<LowerFile>> FindInLowers(const std::vector<UniqueFd>& lowers, const std::string& path);

// The names that overlayfs would show in the root directory.
Result<std::vector<std::string>> NamesInRoot(const std::vector<UniqueFd>& lowers);

bool IsOverlayWhiteout(const struct stat& status);

}  // namespace davit::images
