// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a reference to an image of this host's platform.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/manifest.h"
#include "images/platform.h"
#include "images/reference.h"
#include "images/registry_client.h"

namespace davit {

// What the registry says that the image is: all verified but the layers, which are not fetched yet.
struct ResolvedImage {
  ImageRecord record;
  std::vector<Descriptor> layers;     // bottom first
  std::vector<std::string> diff_ids;  // as many
};

// Fetches manifests down to the platform's, and the config. kNotFound when there is no image for the
// platform; kInvalidArgument when it is no image.
Result<ResolvedImage> ResolveImage(RegistryClient& registry, const Reference& reference,
                                   const Platform& platform);

}  // namespace davit
