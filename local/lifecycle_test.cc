// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/lifecycle.h"

#include <gtest/gtest.h>

namespace davit::local {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kSecond = 1'000'000'000;

LocalRecord Running() {
  LocalRecord record;
  EXPECT_TRUE(BeginStart(record, StartedBy::kPerson));
  EXPECT_TRUE(Started(record, kSecond));
  return record;
}

LocalRecord Ended(int32_t exit_code, int64_t seconds = 1) {
  LocalRecord record = Running();
  EXPECT_TRUE(NoteOutcome(record, {kSecond + seconds * kSecond, exit_code, false, ""}));
  EXPECT_TRUE(Settle(record));
  return record;
}

api::RestartPolicy Policy(api::RestartPolicy::When when, uint32_t max_retries = 0) {
  api::RestartPolicy policy;
  policy.set_when(when);
  policy.set_max_retries(max_retries);
  return policy;
}

TEST(Lifecycle, OnlyTheStatusAllowsATransition) {
  LocalRecord created;
  EXPECT_FALSE(Settle(created));
  EXPECT_FALSE(NoteOutcome(created, {}));
  LocalRecord running = Running();
  EXPECT_FALSE(BeginStart(running, StartedBy::kPerson));
  EXPECT_FALSE(BeginRemove(running));
  EXPECT_FALSE(Settle(running)) << "its outcome is not known";
  ASSERT_TRUE(NoteOutcome(running, {2 * kSecond, 3, true, ""}));
  EXPECT_FALSE(NoteOutcome(running, {3 * kSecond, 4, false, ""})) << "the first one counts";
  ASSERT_TRUE(Settle(running));
  EXPECT_EQ(running.exit_code, 3);
  EXPECT_TRUE(running.oom_killed);
  EXPECT_EQ(running.ends, 1u);
  ASSERT_TRUE(BeginRemove(running));
  EXPECT_FALSE(BeginStart(running, StartedBy::kPerson));
  EXPECT_FALSE(Stop(running));
  EXPECT_FALSE(StartFailed(running, "", 1, 0));
}

TEST(Lifecycle, AFirstStartThatFailsLeavesItCreated) {
  LocalRecord record;
  ASSERT_TRUE(BeginStart(record, StartedBy::kPerson));
  ASSERT_TRUE(StartFailed(record, "no such file", kNotFound, kSecond));
  EXPECT_EQ(record.status, Status::kCreated);
  EXPECT_EQ(record.exit_code, kNotFound);
  EXPECT_FALSE(PauseBeforeRestart(Policy(api::RestartPolicy::ALWAYS), record));
}

TEST(RestartPolicy, DecidesByTheExitCodeAndByPeople) {
  struct Case {
    api::RestartPolicy policy;
    int32_t exit_code;
    bool stopped;
    bool restarts;
    bool restarts_after_boot;
  };
  using When = api::RestartPolicy;
  for (const Case& c :
       {Case{Policy(When::NEVER), 1, false, false, false},
        Case{Policy(When::WHEN_UNSPECIFIED), 1, false, false, false},
        Case{Policy(When::ON_FAILURE), 0, false, false, false},
        Case{Policy(When::ON_FAILURE), 1, false, true, true},
        Case{Policy(When::ON_FAILURE), 1, true, false, false},
        Case{Policy(When::ALWAYS), 0, false, true, true}, Case{Policy(When::ALWAYS), 0, true, false, true},
        Case{Policy(When::UNLESS_STOPPED), 0, false, true, true},
        Case{Policy(When::UNLESS_STOPPED), 0, true, false, false}}) {
    LocalRecord record = Ended(c.exit_code);
    record.stopped = c.stopped;
    EXPECT_EQ(PauseBeforeRestart(c.policy, record).has_value(), c.restarts) << c.policy.DebugString();
    EXPECT_EQ(PauseAfterBoot(c.policy, record).has_value(), c.restarts_after_boot) << c.policy.DebugString();
  }
}

TEST(RestartPolicy, GivesUpAfterTheRetries) {
  api::RestartPolicy policy = Policy(api::RestartPolicy::ON_FAILURE, 2);
  LocalRecord record = Ended(1);
  for (int retry = 0; retry < 2; ++retry) {
    ASSERT_TRUE(PauseBeforeRestart(policy, record));
    ASSERT_TRUE(BeginStart(record, StartedBy::kPolicy));
    ASSERT_TRUE(StartFailed(record, "", 1, kSecond));
  }
  EXPECT_FALSE(PauseBeforeRestart(policy, record));
  ASSERT_TRUE(BeginStart(record, StartedBy::kPerson)) << "who starts it gives it new retries";
  EXPECT_EQ(record.restart_count, 0u);
}

TEST(RestartPolicy, PausesGrowWhileRunsAreShort) {
  api::RestartPolicy policy = Policy(api::RestartPolicy::ALWAYS);
  LocalRecord record = Ended(0);
  EXPECT_EQ(PauseBeforeRestart(policy, record), milliseconds(100));
  record.quick_ends = 2;
  EXPECT_EQ(PauseBeforeRestart(policy, record), milliseconds(200));
  record.quick_ends = 10'000;
  EXPECT_EQ(PauseBeforeRestart(policy, record), milliseconds(60'000));
  EXPECT_EQ(PauseBeforeRestart(policy, Ended(0, /*seconds=*/11)), milliseconds(100));
  EXPECT_EQ(Ended(0, /*seconds=*/11).quick_ends, 0u);
}

TEST(RestartPolicy, DoesNotStartWhatSomebodyStopsMeanwhile) {
  LocalRecord record = Ended(1);
  ASSERT_TRUE(Stop(record));
  EXPECT_FALSE(BeginStart(record, StartedBy::kPolicy));
  EXPECT_TRUE(BeginStart(record, StartedBy::kPerson));
}

}  // namespace
}  // namespace davit::local
