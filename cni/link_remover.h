// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Deletes links in the background: the kernel takes some 30 ms for one, and the same for a hundred at once.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/netlink.h"

namespace davit {

// One thread. While it waits for the kernel, further links queue up and make the next batch.
class LinkRemover {
 public:
  // Works in the calling thread's network namespace. `group` marks what is being deleted and must be nobody
  // else's.
  static Result<std::unique_ptr<LinkRemover>> Start(uint32_t group);

  // Finishes what is queued.
  ~LinkRemover();

  // Indexes are not reused for a long time, so a link that vanishes meanwhile does no harm.
  void Remove(uint32_t index) EXCLUDES(mutex_);

  // Returns when all that was queued before is gone.
  void Wait() EXCLUDES(mutex_);

  // Why the last batch failed. Its links are left for a later Collect of the bridge.
  Result<> status() const EXCLUDES(mutex_);

 private:
  LinkRemover(NetlinkSocket socket, uint32_t group) : socket_(std::move(socket)), group_(group) {}
  void Run() EXCLUDES(mutex_);

  NetlinkSocket socket_;  // the thread's
  const uint32_t group_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<uint32_t> queue_ GUARDED_BY(mutex_);
  uint64_t queued_ GUARDED_BY(mutex_) = 0;   // ever
  uint64_t removed_ GUARDED_BY(mutex_) = 0;  // of those, tried
  bool stopping_ GUARDED_BY(mutex_) = false;
  Result<> status_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace davit
