// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The indexes that stay with an image, so that it can leave the node under the digest that it came by.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"

namespace davit::images {

// A tag that moves gets the same image by one index after the other. So many that the last pull did not come
// by are kept, the newest, if they have no more bytes in sum.
inline constexpr size_t kMostOlderIndexes = 4;
inline constexpr size_t kMostOlderIndexBytes = 256 << 10;

// How many indexes may lead to a manifest, one in the other. A pull finds no image deeper
// (manifest_search.h).
inline constexpr size_t kMaxIndexNesting = 15;

// The indexes of `pulled`, and the newest of `known`, which is the same image as it is recorded. Those of
// `known` if they have all of `pulled`. An index of another manifest is of no use any more.
std::vector<IndexDocument> MergeIndexes(const ImageRecord& pulled, const ImageRecord& known);

// The kept indexes from the one with this digest to the image's manifest, the outermost first. Empty if they
// do not lead there.
std::vector<IndexDocument> PathToManifest(const ImageRecord& image, const std::string& root_digest);

// The manifest and the indexes that are kept, by digest. Valid as long as `image`.
Result<std::map<std::string, const std::string*>> KeptDocuments(const ImageRecord& image);

}  // namespace davit::images
