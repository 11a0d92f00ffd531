// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A fake image store with the images that a test adds.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/testing/steps.h"
#include "images/image_lookup.h"

namespace davit::cri {

// Thread-safe.
class FakeImages final : public images::ImageLookup {
 public:
  explicit FakeImages(Steps& steps) : steps_(steps) {}

  // An image with one layer and this configuration.
  void Add(const std::string& ref, const std::string& config_json = R"({"config":{"Cmd":["/bin/app"]}})")
      EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    images::ImageRecord& image = images_[ref];
    image.id = "sha256:id-of-" + ref;
    image.chain_ids = {"layer-of-" + ref};
    image.repo_digests = {ref + "@sha256:digest"};
    image.config_json = config_json;
  }

  Result<images::HeldImage> FindAndHold(const std::string& ref) override EXCLUDES(mutex_) {
    TRY(steps_.Take("images.FindAndHold"));
    images::ImageRecord image;
    {
      MutexLock lock(mutex_);
      auto found = std::ranges::find_if(
          images_, [&ref](const auto& item) { return item.first == ref || item.second.id == ref; });
      if (found == images_.end()) return Fail(Code::kNotFound, "find image", ref, "no such image");
      image = found->second;
    }
    images::LayerHold layers = Hold(image.chain_ids);
    return images::HeldImage{std::move(image), std::move(layers)};
  }

  Result<> Settle(const std::string&) override { return steps_.Take("images.Settle"); }

  images::LayerHold Hold(std::vector<std::string> chain_ids) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const std::string& id : chain_ids) held_.insert(id);
    return images::LayerHold([this, chain_ids = std::move(chain_ids)] { Release(chain_ids); });
  }
  void KeepReleased() override {}
  std::set<std::string> LiveLayers() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return {held_.begin(), held_.end()};
  }

  // One entry per hold.
  std::multiset<std::string> held() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return held_;
  }

 private:
  void Release(const std::vector<std::string>& chain_ids) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    for (const std::string& id : chain_ids) held_.erase(held_.find(id));
  }

  Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, images::ImageRecord> images_ GUARDED_BY(mutex_);
  std::multiset<std::string> held_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
