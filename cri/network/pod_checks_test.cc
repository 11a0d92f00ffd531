// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/pod_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <future>
#include <new>

namespace davit::cri {
namespace {

using ::testing::ElementsAre;

std::vector<RecordedPod> Pods(const std::vector<std::string>& ids) {
  std::vector<RecordedPod> pods(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) pods[i].record.id = ids[i];
  return pods;
}

// Ends when it is interrupted.
Result<> Hang(int interrupt_fd) {
  pollfd wait{interrupt_fd, POLLIN, 0};
  poll(&wait, 1, -1);
  return Fail(Code::kCancelled, "check", "pod", "interrupted");
}

TEST(PodChecks, ReportThePodsThatFail) {
  std::vector<std::string> reported;
  std::promise<void> last;
  auto checks = PodChecks::Start(
      Pods({"good", "bad", "thrown", "last"}),
      [&](const RecordedPod& pod, int) -> Result<> {
        if (pod.record.id == "good") return {};
        if (pod.record.id == "thrown") throw std::bad_alloc();
        return Fail(Code::kInternal, "check", pod.record.id, "no address");
      },
      [&](const std::string& id, const Error&) {
        reported.push_back(id);
        if (id == "last") last.set_value();
      });
  ASSERT_TRUE(checks);
  last.get_future().wait();
  checks->reset();
  EXPECT_THAT(reported, ElementsAre("bad", "thrown", "last"));
}

TEST(PodChecks, ADroppedPodIsNotReportedAndTheNextIsChecked) {
  std::vector<std::string> reported;
  std::promise<void> hangs, last;
  auto checks = PodChecks::Start(
      Pods({"hung", "later", "last"}),
      [&](const RecordedPod& pod, int interrupt_fd) -> Result<> {
        if (pod.record.id == "last") return Fail(Code::kInternal, "check", "last", "no address");
        hangs.set_value();
        return Hang(interrupt_fd);
      },
      [&](const std::string& id, const Error&) {
        reported.push_back(id);
        last.set_value();
      });
  ASSERT_TRUE(checks);
  hangs.get_future().wait();
  (*checks)->Drop("later");
  (*checks)->Drop("hung");
  last.get_future().wait();
  checks->reset();
  EXPECT_THAT(reported, ElementsAre("last"));
}

TEST(PodChecks, TheEndDoesNotWaitForAHungCheck) {
  std::promise<void> hangs;
  auto checks = PodChecks::Start(
      Pods({"hung", "next"}),
      [&](const RecordedPod&, int interrupt_fd) {
        hangs.set_value();
        return Hang(interrupt_fd);
      },
      [](const std::string& id, const Error&) { ADD_FAILURE() << id; });
  ASSERT_TRUE(checks);
  hangs.get_future().wait();
  checks->reset();
}

}  // namespace
}  // namespace davit::cri
