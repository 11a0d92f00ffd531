// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/link_remover.h"

#include <system_error>
#include <utility>

#include "base/guarded.h"
#include "cni/link.h"

namespace davit::cni {

Result<std::unique_ptr<LinkRemover>> LinkRemover::Start(uint32_t group) {
  NetlinkSocket socket = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  std::unique_ptr<LinkRemover> remover(new LinkRemover(std::move(socket), group));
  try {
    remover->thread_ = std::thread(&LinkRemover::Run, remover.get());
  } catch (const std::system_error& e) {
    return SystemError("start thread", "link remover", e.code().value());
  }
  return remover;
}

LinkRemover::~LinkRemover() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void LinkRemover::Remove(uint32_t index) {
  MutexLock lock(mutex_);
  queue_.push_back(index);
  ++queued_;
  changed_.NotifyAll();
}

void LinkRemover::Wait() {
  MutexLock lock(mutex_);
  uint64_t target = queued_;
  while (removed_ < target) changed_.Wait(mutex_);
}

Result<> LinkRemover::status() const {
  MutexLock lock(mutex_);
  return status_;
}

void LinkRemover::Run() {
  while (true) {
    std::vector<uint32_t> batch;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) changed_.Wait(mutex_);
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    Result<> done = Guarded("delete", "links", [&] { return DeleteLinks(socket_, batch, group_); });
    MutexLock lock(mutex_);
    status_ = std::move(done);
    removed_ += batch.size();
    changed_.NotifyAll();
  }
}

}  // namespace davit::cni
