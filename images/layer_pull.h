// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// All layers of one image: fetched side by side, committed in order.
#pragma once

#include <cstddef>

#include "base/error.h"
#include "images/layer_downloads.h"
#include "images/layer_ledger.h"

namespace davit {

// Makes the layers that the store lacks. A layer that another pull is working on is waited for. The caller
// holds the image's layers in the ledger. On failure nothing is staged or claimed; layers that were committed
// stay.
Result<> PullLayers(const LayerSource& source, LayerLedger& ledger, size_t parallel);

}  // namespace davit
