// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/reconcile.h"

#include <gtest/gtest.h>

#include <string>

namespace davit::cri {
namespace {

using enum ContainerAction;
using enum ContainerPhase;
using enum ShimAnswer;

struct Row {
  ContainerPhase phase;
  ContainerAction live;              // answered, lives
  ContainerAction gone_with_exit;    // answered, does not live, exit record
  ContainerAction gone;              // answered, does not live, no exit record
  ContainerAction silent_with_exit;  // also for an answer that cannot be read
  ContainerAction silent;
  ContainerAction dead_with_exit;
  ContainerAction dead;
};

// Every phase × (shim alive, silent, dead) × (exit record or not).
constexpr Row kTable[] = {
    {kCreated, kAdopt, kApplyExit, kNothing, kApplyExit, kNothing, kApplyExit, kNothing},
    {kStarting, kAdopt, kApplyExit, kAbandonStart, kApplyExit, kNothing, kApplyExit, kLose},
    {kRunning, kAdopt, kApplyExit, kLose, kApplyExit, kNothing, kApplyExit, kLose},
    {kExited, kKill, kNothing, kNothing, kNothing, kNothing, kNothing, kNothing},
    {kRemoving, kKill, kNothing, kNothing, kNothing, kNothing, kNothing, kNothing},
};

TEST(Reconcile, EveryPhaseWithEveryShimAndExitRecord) {
  for (const Row& row : kTable) {
    SCOPED_TRACE(static_cast<int>(row.phase));
    auto decide = [&row](ShimAnswer shim, bool live, bool exit) {
      return Decide({row.phase, shim, live, exit, /*start_in_flight=*/false});
    };
    EXPECT_EQ(decide(kAnswered, true, false), row.live);
    EXPECT_EQ(decide(kAnswered, true, true), row.live) << "a live process outweighs an old exit record";
    EXPECT_EQ(decide(kAnswered, false, true), row.gone_with_exit);
    EXPECT_EQ(decide(kAnswered, false, false), row.gone);
    EXPECT_EQ(decide(kSilent, false, true), row.silent_with_exit);
    EXPECT_EQ(decide(kSilent, false, false), row.silent);
    EXPECT_EQ(decide(kDead, false, true), row.dead_with_exit);
    EXPECT_EQ(decide(kDead, false, false), row.dead);
  }
}

TEST(Reconcile, AStartInFlightIsLeftToItsCall) {
  EXPECT_EQ(Decide({kStarting, kAnswered, false, false, /*start_in_flight=*/true}), kNothing);
  EXPECT_EQ(Decide({kStarting, kAnswered, true, false, /*start_in_flight=*/true}), kAdopt);
}

}  // namespace
}  // namespace davit::cri
