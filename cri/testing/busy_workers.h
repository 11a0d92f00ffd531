// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Holds up the threads that clean up after containers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <string>

#include "cri/testing/world.h"

namespace davit::cri {

// From its construction to its destruction each of them is busy with a container of `sandbox` that has ended.
class BusyWorkers {
 public:
  static constexpr size_t kWorkers = 2;

  BusyWorkers(World& world, const std::string& sandbox) : world_(world), sandbox_(sandbox) {
    for (std::promise<void>& go : go_) {
      world_.steps.During("cgroups.Remove", [&go] { go.get_future().wait(); });
      EndOne();
    }
    EXPECT_TRUE(world_.Eventually([&] { return Busy() == kWorkers; }));
  }
  ~BusyWorkers() = default;  // a promise that is destroyed wakes its waiter

  // One worker continues with the work that was posted meanwhile; returns when that is done.
  void Continue() {
    EndOne();
    go_[0].set_value();
    EXPECT_TRUE(world_.Eventually([&] { return Busy() == kWorkers + 1; }));
  }

 private:
  size_t Busy() const {
    std::vector<std::string> taken = world_.steps.taken();
    return static_cast<size_t>(std::ranges::count(taken, "cgroups.Remove"));
  }
  void EndOne() {
    std::string id = world_.CreateContainer(sandbox_, "ends" + std::to_string(ended_++)).value();
    world_.StartContainer(id).value();
    world_.shims.Exit(sandbox_, id, 0);
  }

  World& world_;
  const std::string sandbox_;
  int ended_ = 0;
  std::promise<void> go_[kWorkers];
};

}  // namespace davit::cri
