// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A layer's fetch, as pulls see it that need the same layer, and whether they should wait for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace davit::images {

// The fetch's own thread writes `received`, others read it.
struct OngoingFetch {
  // The registry of the image's reference and who asks it. Empty if the blob may come from anywhere else: it
  // is not from a registry, or has URLs of its own.
  std::string origin;
  std::string digest;  // of the blob
  int64_t size = 0;    // of the blob, bytes
  std::atomic<int64_t> received = 0;
};

// What an image's config says about its layers is only verified once they are unpacked: an image can claim to
// have the base layers of any other, and then send them slowly, or send something else, or have them wait for
// a layer below that it never sends. So a pull waits for another one without a limit only while that fetches
// the same blob from the same origin, where it would be as slow for us. For all others it waits for
// `most_ms` in sum, and then fetches the layer as well. Not thread-safe.
class FetchPatience {
 public:
  explicit FetchPatience(int64_t most_ms) : most_ms_(most_ms) {}

  // Call it several times a second while `theirs` has claimed the layer that `ours` would fetch. Null if it
  // is claimed for something short, such as its removal. `now_ms` is of any steady clock.
  bool IsWorthWaiting(const OngoingFetch& ours, const std::shared_ptr<const OngoingFetch>& theirs,
                      int64_t now_ms);

 private:
  const int64_t most_ms_;
  int64_t waited_ms_ = 0;
  std::shared_ptr<const OngoingFetch> waits_for_;  // since the last call
  int64_t last_call_ms_ = 0;
};

}  // namespace davit::images
