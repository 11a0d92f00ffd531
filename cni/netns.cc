// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/netns.h"

#include <sched.h>

#include <system_error>
#include <thread>

namespace davit {

Result<> RunInNetns(int netns_fd, const std::function<Result<>()>& work) {
  Result<> done;
  try {
    std::thread([&] {
      if (setns(netns_fd, CLONE_NEWNET) < 0)
        done = SystemError("setns", "network namespace");
      else
        done = work();
    }).join();
  } catch (const std::system_error& e) {
    return SystemError("start thread", "network namespace", e.code().value());
  }
  return done;
}

}  // namespace davit
