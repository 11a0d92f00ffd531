// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/netns.h"

#include <sched.h>

#include <cstdlib>

#include "base/ns_handle.h"

namespace davit::cni {
namespace {

class Visit {
 public:
  explicit Visit(NsHandle home) : home_(std::move(home)) {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() {
    if (!home_.Enter(CLONE_NEWNET)) abort();
  }

 private:
  NsHandle home_;
};

}  // namespace

Result<> RunInNetns(int netns_fd, const std::function<Result<>()>& work) {
  NsHandle home = TRY(NsHandle::OfSelf("net"));
  if (setns(netns_fd, CLONE_NEWNET) < 0) return SystemError("setns", "network namespace");
  Visit visit(std::move(home));
  return work();
}

}  // namespace davit::cni
