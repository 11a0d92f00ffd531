// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Progress of a push, for a terminal or a stream of messages.
#pragma once

#include <cstdint>
#include <string>

namespace davit::images {

struct BlobProgress {
  enum class State : uint8_t {
    kWaiting,
    kUploading,
    kExists,   // the repository had it
    kMounted,  // the registry had it in another repository
    kSkipped,  // may not be distributed: whoever pulls the image gets it from the URLs in its descriptor
    kDone,     // uploaded
  };

  std::string digest;
  int64_t total = 0;  // bytes
  // Bytes sent. It decreases when the registry has lost what it received and the blob is sent again.
  int64_t sent = 0;
  State state = State::kWaiting;
};

class PushObserver {
 public:
  virtual ~PushObserver() = default;
  // Called on several threads, also for one blob; must not block. First for every blob of the image in order,
  // layers before config, with kWaiting; then at every change of `state` and, often, of `sent`.
  virtual void OnBlob(const BlobProgress& blob) = 0;
};

}  // namespace davit::images
