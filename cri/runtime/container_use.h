// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The images that a container uses.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace davit::cri {

// What a container needs of the image store.
struct ContainerUse {
  std::string id;  // of its writable layer, too
  bool running = false;
  // Of the image and of the image volumes: ids, or digest references. An image that was removed since is
  // still named.
  std::vector<std::string> images;
  std::vector<std::string> chain_ids;  // of their layers
  std::string name = {};               // of a local container
  bool may_use_any = false;            // it is not known which images it uses
};

using ContainerUses = std::function<std::vector<ContainerUse>()>;

}  // namespace davit::cri
