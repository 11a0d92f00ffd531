// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The layers of images as a tree.
#pragma once

#include <string>
#include <vector>

#include "api/davit/v1/davit.pb.h"

namespace davit::cli {

// One line per layer: its id, its size on disk, and the images of which it is the top layer. A layer is below
// the one that it lies on; only where several lie on one does the tree branch, so that long images stay
// readable. An empty line separates trees. The images come with layers.
std::string LayerTree(const std::vector<::davit::v1::Image>& images);

}  // namespace davit::cli
