// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How large documents in an archive of images may be.
#pragma once

#include <cstddef>

namespace davit::images {

inline constexpr size_t kMaxArchivedImages = 1000;
inline constexpr size_t kMaxArchiveList = 4 << 20;
// As in pulls (image_resolve.h).
inline constexpr size_t kMaxArchivedManifest = 4 << 20;
inline constexpr size_t kMaxArchivedConfig = 1 << 20;

}  // namespace davit::images
