// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_teardown.h"

#include <gtest/gtest.h>

namespace davit::cni {
namespace {

using enum DeleteTrouble;
using enum Verdict;

TEST(PluginTeardown, LeavesBehindWhatCannotSucceedLater) {
  struct Case {
    DeleteTrouble trouble;
    TeardownState state;
    Verdict verdict;
  };
  const TeardownState usual{};
  const TeardownState netns_gone{.netns_gone = true};
  const TeardownState replaced{.in_force = false};
  const TeardownState impatient{.out_of_patience = true};
  const Case cases[] = {
      {kCannotRun, usual, kLeaveBehind},
      {kCannotRun, netns_gone, kLeaveBehind},
      {kCannotRun, replaced, kLeaveBehind},
      {kCannotRun, impatient, kLeaveBehind},
      {kRefused, usual, kRetry},
      {kRefused, netns_gone, kLeaveBehind},
      {kRefused, replaced, kLeaveBehind},
      {kRefused, impatient, kLeaveBehind},
      {kNoAnswer, usual, kRetry},
      {kNoAnswer, netns_gone, kRetry},
      {kNoAnswer, replaced, kRetry},
      {kNoAnswer, impatient, kLeaveBehind},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(JudgeFailedDelete(c.trouble, c.state), c.verdict)
        << "trouble " << static_cast<int>(c.trouble) << ", netns gone " << c.state.netns_gone << ", in force "
        << c.state.in_force << ", out of patience " << c.state.out_of_patience;
  }
}

TEST(PluginTeardown, APluginIsInForceWhileTheConfigurationHasItOrIsUnknown) {
  auto list = [](const std::string& type) {
    return ParsePluginList("pods.conf",
                           R"({"cniVersion": "1.0.0", "name": "pods", "type": ")" + type + "\"}");
  };
  PluginConfig plugin = list("first")->plugins[0];
  EXPECT_TRUE(IsInForce(plugin, list("first")));
  EXPECT_FALSE(IsInForce(plugin, list("second")));
  EXPECT_TRUE(IsInForce(plugin, ParsePluginList("pods.conf", "{"))) << "it may be the same";
  EXPECT_FALSE(IsInForce(plugin, Fail(Code::kNotFound, "read", "directory", "no file in it")));
}

}  // namespace
}  // namespace davit::cni
