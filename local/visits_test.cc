// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/visits.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/spawn.h"

namespace davit::local {
namespace {

ChildProcess Sleeper() {
  SpawnRequest request;
  request.program = "/bin/sleep";
  request.args = {"sleep", "600"};
  return Spawn(request).value();
}

TEST(VisitsTest, AStartEndsThoseThatHaveTheFilesMounted) {
  Visits visits;
  auto mounted = visits.Begin("a", Visits::Until::kStart);
  auto reading = visits.Begin("a", Visits::Until::kRemoval);
  auto other = visits.Begin("b", Visits::Until::kStart);
  visits.EndForStart("a");
  EXPECT_TRUE(mounted->ended());
  EXPECT_FALSE(reading->ended());
  visits.EndForRemoval("a");
  EXPECT_TRUE(reading->ended());
  EXPECT_FALSE(other->ended());
}

TEST(VisitsTest, TheProcessOfAVisitIsKilledWhenItEndsOrAtOnce) {
  Visits visits;
  for (bool ended_before : {false, true}) {
    ChildProcess child = Sleeper();
    auto visit = visits.Begin("a", Visits::Until::kStart);
    if (ended_before) visits.EndForStart("a");
    visit->SetProcess(PidFd::Open(child.pid).value());
    if (!ended_before) visits.EndForStart("a");
    EXPECT_EQ(Reap(child).value().signal, SIGKILL);
  }
}

}  // namespace
}  // namespace davit::local
