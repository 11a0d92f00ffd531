// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Deletes links in the background: the kernel needs about 30 ms for one, and the same for a hundred at once.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/netlink.h"

namespace davit::cni {

// Thread-safe; uses one thread. Links that are queued while it waits for the kernel form the next batch.
class LinkRemover {
 public:
  // Deletes links in the calling thread's network namespace. `group` marks the links to delete; nothing else
  // may use that group.
  static Result<std::unique_ptr<LinkRemover>> Start(uint32_t group);

  // Blocks until the queue is processed.
  ~LinkRemover();

  // Queues a link. The kernel does not reuse its index for a long time, so a link that disappears earlier
  // does no harm.
  void Remove(uint32_t index) EXCLUDES(mutex_);

  // Blocks until the deletion of all links queued so far has succeeded or failed.
  void Wait() EXCLUDES(mutex_);

  // The error of the last batch, or success. A later Collect of the bridge retries its links.
  Result<> status() const EXCLUDES(mutex_);

 private:
  LinkRemover(NetlinkSocket socket, uint32_t group) : socket_(std::move(socket)), group_(group) {}
  void Run() EXCLUDES(mutex_);

  NetlinkSocket socket_;  // used by the thread only
  const uint32_t group_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<uint32_t> queue_ GUARDED_BY(mutex_);
  uint64_t queued_ GUARDED_BY(mutex_) = 0;   // in total
  uint64_t removed_ GUARDED_BY(mutex_) = 0;  // of those, deleted or failed
  bool stopping_ GUARDED_BY(mutex_) = false;
  Result<> status_ GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace davit::cni
