// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Completes a layer's directory with data from the layers below it, so that overlayfs can use it as a lower
// directory.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/unpack_report.h"

namespace davit::images {

// Gives implicit directories the metadata that they have in the layers below, copies the files of those
// layers that this layer has hard links to, and marks opaque directories (trusted.overlay.opaque,
// Documentation/filesystems/overlayfs.rst). `lowers` are the committed layers below, topmost first. The
// report is not trusted: none of its paths can lead outside of `layer_fd`. kInvalidArgument if the target of
// a link does not exist or is a directory.
Result<> FixUpLayer(int layer_fd, const UnpackReport& report, const std::vector<UniqueFd>& lowers);

}  // namespace davit::images
