// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a layer's directory needs from the layers below it, before it can be one of overlayfs' lower
// directories.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/unpack_report.h"

namespace davit {

// Gives implicit directories the metadata that they have below, copies the targets of links that lead below,
// and marks opaque directories (trusted.overlay.opaque, Documentation/filesystems/overlayfs.rst). `lowers`
// are the committed layers, topmost first. The report is not trusted: no path of it leaves `layer_fd`,
// whatever it says. kInvalidArgument when a link's target is nowhere.
Result<> FixUpLayer(int layer_fd, const UnpackReport& report, const std::vector<UniqueFd>& lowers);

}  // namespace davit
