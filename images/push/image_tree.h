// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// All that a manifest or an index stands for, as a registry wants to get it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/blob_source.h"
#include "images/image_record.h"
#include "images/manifest.h"

namespace davit::images {

struct ImageTree {
  struct Document {
    std::string digest;
    std::string media_type;
    std::string bytes;
  };
  std::vector<Descriptor> blobs;  // each once; of each manifest the layers come before the config
  // Manifests and indexes, each once, and after those that it names. The last one is the root.
  std::vector<Document> documents;

  const Document& root() const { return documents.back(); }
  bool Has(const std::string& digest) const;  // among the documents
};

// Of one manifest, which the caller has verified.
Result<ImageTree> TreeOfManifest(const std::string& manifest_json);

// How much of an index is copied: it is in memory meanwhile.
inline constexpr size_t kMostTreeDocuments = 1000;
inline constexpr size_t kMostTreeBytes = 16 << 20;  // of the documents
inline constexpr size_t kMostTreeBlobs = 10'000;

// Reads an index with everything that it names, attestations and other artifacts included: what the node
// keeps of the image from there, the rest from the registries. The errors of RegistryBlobSource;
// kInvalidArgument, kUnimplemented (manifest.h); kResourceExhausted above the limits.
Result<ImageTree> FetchImageTree(const ImageRecord& image, RegistryBlobSource& registries,
                                 const std::string& root_digest);

}  // namespace davit::images
