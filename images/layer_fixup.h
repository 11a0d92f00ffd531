// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Completes a layer's directory with data from the layers below it, so that overlayfs can use it as a lower
// directory.
#pragma once

#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/fixup_budget.h"
#include "images/unpack_report.h"

namespace davit::images {

// Gives implicit directories the metadata that they have in the layers below, copies the files of those
// layers that this layer has hard links to, and marks opaque directories (trusted.overlay.opaque,
// Documentation/filesystems/overlayfs.rst). `lowers` are the committed layers below, lowest first. The report
// is not trusted: none of its paths can lead outside of `layer_fd`. kInvalidArgument if the target of a link
// does not exist or is a directory; kCancelled and kResourceExhausted as the budget says.
Result<> FixUpLayer(int layer_fd, const UnpackReport& report, std::span<const UniqueFd> lowers,
                    FixUpBudget& budget);

}  // namespace davit::images
