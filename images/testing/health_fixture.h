// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture: an image that was pulled, and loses layers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "images/testing/store_fixture.h"

namespace davit::images {

class Health : public Store {
 protected:
  void SetUp() override {
    config_.retention.min_free_percent = 0;
    config_.retention.unfinished_ms = 3'600'000;
    Store::SetUp();
  }
  void PullApp() {
    auto pulled = Pull(name_);
    ASSERT_TRUE(pulled) << pulled.error().ToString();
    app_ = *pulled;
    requests_ = server_.requests().size();
  }
  void Damage(size_t layer, CheckDepth depth = CheckDepth::kEntries) {
    layers_.damaged[app_.chain_ids[layer]] = depth;
  }
  std::vector<LayerHealth::State> StatesOf(const ImageHealth& health) {
    std::vector<LayerHealth::State> states;
    for (const LayerHealth& layer : health.layers) states.push_back(layer.state);
    return states;
  }
  Result<ImageHealth> Verify(CheckDepth depth = CheckDepth::kContents) {
    CheckedLayers checked;
    return store_->Verify(app_.id, depth, wanted_, checked);
  }
  Result<ImageHealth> Repair() { return store_->Repair({app_.id, {}, nullptr}); }
  size_t NewRequests() { return server_.requests().size() - requests_; }

  FakeResponse Answer(const FakeRequest& request) {
    FakeResponse response = gone_ ? FakeResponse{404, {}, ""} : Serve(image_, request);
    if (cut_) response.cut_after = 0;
    if (refuse_with_ != 0) response = {refuse_with_, {}, ""};
    return response;
  }

  std::atomic<bool> gone_ = false;    // the registry has the image no more
  std::atomic<bool> cut_ = false;     // the registry does not answer
  std::atomic<int> refuse_with_ = 0;  // the status of all answers; 0: the right ones
  FakeServer server_{[this](const FakeRequest& request) { return Answer(request); }};
  const std::string name_ = server_.host() + "/app:v1";
  const Interrupt wanted_{[] { return true; }};
  PulledImage app_;
  size_t requests_ = 0;
};

class HealthOfBlobs : public Health {
 protected:
  void SetUp() override {
    config_.retention.blobs = true;
    Health::SetUp();
  }
};

}  // namespace davit::images
