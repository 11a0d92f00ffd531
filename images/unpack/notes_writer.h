// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Writes the notes of a layer to a file (images/layer_notes.h).
#pragma once

#include "base/error.h"
#include "images/layer_notes.h"
#include "images/space_reserve.h"

namespace davit::images {

// `fd` is an empty file on the filesystem of `space`, whose errors this returns. Paths are not longer than
// UnpackLimits::path_bytes.
Result<> WriteNotes(int fd, const LayerNotes& notes, SpaceReserve& space);

}  // namespace davit::images
