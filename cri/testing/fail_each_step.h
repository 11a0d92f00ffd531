// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs a verb once for each of its steps, with that step failing.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cri/testing/world.h"

namespace davit::cri {

struct FailedRun {
  World& world;  // a new one; no step fails any more
  // What the verb returned. Success is possible: it does not wait for all of its steps.
  Result<> ended;
  std::string step;  // that failed; empty if this run had fewer steps
};

// `prepare(world)` makes what the verb needs, `act(world, prepared)` calls it and returns its result, and
// `check(failed_run, prepared)` looks at each run. Returns the steps of a run in which none fails.
template <typename PrepareFn, typename ActFn, typename CheckFn>
std::vector<std::string> FailEachStep(Failure failure, PrepareFn prepare, ActFn act, CheckFn check) {
  std::vector<std::string> steps;
  {
    World world;
    auto prepared = prepare(world);
    world.steps.Reset();
    EXPECT_TRUE(act(world, prepared));
    steps = world.steps.taken();
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    World world;
    auto prepared = prepare(world);
    world.steps.FailBy(failure);
    world.steps.FailNth(i);
    auto result = act(world, prepared);
    std::vector<std::string> taken = world.steps.taken();
    std::string step = i < taken.size() ? taken[i] : "";
    world.steps.Reset();
    SCOPED_TRACE("step " + std::to_string(i) + " " + step);
    Result<> ended;
    if (!result) ended = std::unexpected(result.error());
    check(FailedRun{world, std::move(ended), step}, prepared);
  }
  return steps;
}

}  // namespace davit::cri
