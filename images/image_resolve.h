// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resolves a reference to the image for this host's platform.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/manifest.h"
#include "images/manifest_search.h"
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

// An artifact gets the config of artifact.h. An index decides what an image is for, whatever the config says.
// Without one the config does: another architecture is a warning. `name` is for messages; the record gets no
// names. kNotFound if the image is for another operating system; kInvalidArgument if the documents do not
// belong together.
Result<ResolvedImage> DescribeImage(ImageDocuments documents, const std::string& name,
                                    const Platform& platform);

// Decides whether the image may be pulled, by what the reference means: an index or a manifest, which is
// verified and not yet used. An error ends ResolveImage.
using RootCheck = std::function<Result<>(const Descriptor& root)>;

// Fetches the manifest for the platform, through indexes if there are any (FindImage), and the config.
// `allowed` is asked once, before anything but the root is fetched. The errors of FindImage; kNotFound if the
// image is for another operating system; kInvalidArgument if the reference does not name a container image;
// kResourceExhausted if a manifest or index is larger than 4 MiB, or the config larger than 1 MiB.
Result<ResolvedImage> ResolveImage(RegistryClient& registry, const Reference& reference,
                                   const Platform& platform, const RootCheck& allowed);

}  // namespace davit::images
