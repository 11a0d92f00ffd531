// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Looks up paths in a stack of overlay lower directories, without mounting it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/fixup_budget.h"
#include "images/path_steps.h"

namespace davit::images {

struct LowerFile {
  UniqueFd fd;        // of a directory: readable; else: O_PATH
  int layer_fd = -1;  // of the layer that it was found in; not owned
  struct stat status{};
};

// Remembers the directories on the way to the last path, one descriptor each: looking up sorted paths
// takes one step per directory that the topmost layer has. A name that a layer lacks
// is looked up from the root of the next one. Not thread-safe.
class LowerLayers {
 public:
  static constexpr size_t kMostRootNames = 64 << 10;

  // `layers` has the lowest layer first. Both must outlive the object.
  LowerLayers(std::span<const UniqueFd> layers, FixUpBudget& budget) : layers_(layers), budget_(budget) {}

  // The file that overlayfs would show at `path`: that of the topmost layer that has it, unless a whiteout,
  // an opaque directory or a non-directory of a higher layer hides it. Null if there is none. Valid until the
  // next call. Symlinks are never followed. The errors of FixUpBudget::Step, and of PathSteps; after an error
  // the object cannot be used any more.
  Result<const LowerFile*> Find(std::string_view path);

  // The names that overlayfs would show in the root directory, each a step. kResourceExhausted if the layers
  // have more than kMostRootNames.
  Result<std::vector<std::string>> NamesInRoot();

 private:
  enum class Seen { kFound, kNothing, kHidden };
  // What the layers have at one component of the path.
  struct Level {
    std::string name;
    bool found = false;
    size_t layer = 0;  // the topmost one that has it
    LowerFile file;
    bool below_opaque = false;  // in that layer; set if that layer is not the parent's
    std::optional<bool> opaque;
    std::vector<bool> absent;  // by layer: true if it is known to lack this component and to hide nothing
  };

  Result<> EnterRoot();
  Result<Level> LookUp(std::string_view name);
  Result<Seen> LookIn(int dir_fd, std::string_view name, size_t layer, Level& level);
  Result<Seen> LookFromRoot(size_t layer, std::string_view name, Level& level);
  bool IsAbsentIn(size_t layer) const;
  bool HidesBelow(size_t index);

  const std::span<const UniqueFd> layers_;
  FixUpBudget& budget_;
  PathSteps steps_;
  std::vector<Level> levels_;  // the root first
};

bool IsOverlayWhiteout(const struct stat& status);

}  // namespace davit::images
