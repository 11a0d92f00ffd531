// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls all layers of one image: fetches them in parallel and commits them in order, lowest first.
#pragma once

#include <cstddef>

#include "base/error.h"
#include "images/layer_downloads.h"
#include "images/layer_ledger.h"

namespace davit::images {

// Fetches, unpacks and commits the layers that the store lacks, at most `parallel` at once, and one more if
// another pull that has claimed a layer is not worth waiting for (FetchPatience). The caller holds the
// image's layers in the ledger. On failure no layer stays staged or claimed; committed layers stay.
Result<> PullLayers(const LayerSource& source, LayerLedger& ledger, size_t parallel);

}  // namespace davit::images
