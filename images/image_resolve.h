// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resolves a reference to the image for this host's platform.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/manifest.h"
#include "images/platform.h"
#include "images/reference.h"
#include "images/registry_client.h"

namespace davit::images {

// The image as the registry describes it. Manifest and config are verified; the layers are not fetched yet.
struct ResolvedImage {
  ImageRecord record;
  std::vector<Descriptor> layers;     // bottom first
  std::vector<std::string> diff_ids;  // one per layer
  std::string root_digest;            // of what the reference means, which may be an index; or empty
  std::string warning;                // as in PulledImage
};

// The documents of one image, which are verified.
struct ImageDocuments {
  Manifest manifest;
  std::string manifest_json;
  std::string config_json;
  bool by_index = false;  // an index says that the image is for the wanted platform
};

// An index decides what an image is for, whatever the config says. Without one the config does: another
// architecture is a warning. `name` is for messages; the record gets no names. kNotFound if the image is for
// another operating system; kInvalidArgument if the documents do not belong together.
Result<ResolvedImage> DescribeImage(ImageDocuments documents, const std::string& name,
                                    const Platform& platform);

// Fetches the manifest for the platform, through an index if there is one, and the config. kNotFound if an
// index has no image for the platform, or the image is for another operating system; kInvalidArgument if the
// reference does not name a container image; kResourceExhausted if a manifest or index is larger than 4 MiB,
// or the config larger than 1 MiB.
Result<ResolvedImage> ResolveImage(RegistryClient& registry, const Reference& reference,
                                   const Platform& platform);

}  // namespace davit::images
