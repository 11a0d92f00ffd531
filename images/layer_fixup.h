// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Completes a layer's directory with data from the layers below it, so that overlayfs can use it as a lower
// directory.
#pragma once

#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/fixup_budget.h"
#include "images/layer_notes.h"

namespace davit::images {

// Gives implicit directories the metadata that they have in the layers below, copies the files of those
// layers that this layer has hard links to, and marks opaque directories (trusted.overlay.opaque,
// Documentation/filesystems/overlayfs.rst). `lowers` are the committed layers below, lowest first. The notes
// are not trusted: none of their paths can lead outside of `layer_fd`. Sorts the links by target, and adds
// the checksums of the files that it has copied, except of those with holes. kInvalidArgument if the target
// of a link does not exist or is a directory; kCancelled and kResourceExhausted as the budget says;
// kResourceExhausted if the filesystem has too little free space (space_reserve.h).
Result<> FixUpLayer(int layer_fd, LayerNotes& notes, std::span<const UniqueFd> lowers, FixUpBudget& budget);

}  // namespace davit::images
