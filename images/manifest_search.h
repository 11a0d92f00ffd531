// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Finds the image for a platform in an index.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/manifest.h"
#include "images/platform.h"

namespace davit::images {

// The documents of one image, which are verified.
struct ImageDocuments {
  Manifest manifest;
  std::string manifest_json;
  std::string config_json;  // empty for an artifact
  bool by_index = false;    // an index says that the image is for the wanted platform
  // That lead to the manifest, the outermost first. Empty if there are none, or more than kMostIndexBytes.
  std::vector<IndexDocument> indexes = {};
};

// Where the search gets documents. Both functions verify what they return.
struct DocumentFetch {
  std::function<Result<std::string>(const Descriptor& descriptor)> manifest;  // or index
  std::function<Result<std::string>(const Descriptor& config)> config;
};

// So many documents are fetched at most: manifests, indexes and configs.
constexpr int kMostSearchedDocuments = 16;

// Searches the index, whose document is `root`, and those that it names, depth first. Entries for the
// platform come first, as PlatformEntries orders them; their word is taken. Of an image that no entry gives a
// platform the config decides: one for another architecture is found only if there is no better one, and an
// artifact only if there is no image. What an entry without a platform names may be missing, or no image; the
// error of an entry for the platform ends the search. kNotFound if there is no image for the platform,
// kResourceExhausted if the search ends at kMostSearchedDocuments. `name` is for messages.
Result<ImageDocuments> FindImage(const Index& index, IndexDocument root, const Platform& host,
                                 const DocumentFetch& fetch, const std::string& name);

// Whether an image with this config runs on the host without an emulator.
bool IsFor(const Platform& host, const std::string& os, const std::string& architecture);

}  // namespace davit::images
