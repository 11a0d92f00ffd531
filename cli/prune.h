// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the verbs that remove unused things tell about them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/davit/v1/davit.pb.h"
#include "api/davit/v1/volumes.pb.h"

namespace davit::cli {

// A title and a line for each; empty if there are none.
std::string PrunedText(const ::davit::v1::PruneImagesResponse& answer, const char* title = "Deleted Images:");
std::string PrunedText(const ::davit::v1::PruneVolumesResponse& answer);
std::string PrunedText(const ::davit::v1::PruneNetworksResponse& answer);

nlohmann::json PrunedDocument(const ::davit::v1::PruneImagesResponse& answer);
nlohmann::json PrunedDocument(const ::davit::v1::PruneVolumesResponse& answer);

}  // namespace davit::cli
