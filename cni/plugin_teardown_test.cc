// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_teardown.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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

TEST(PluginTeardown, APluginIsInForceWhileTheConfigurationHasItOrCannotBeRead) {
  std::string dir = std::filesystem::temp_directory_path() / "davit-teardown-XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  std::string text = R"({"cniVersion": "1.0.0", "name": "pods", "type": "first"})";
  PluginConfig plugin = ParsePluginList("pods.conf", text)->plugins[0];
  auto configure = [&](const std::string& content) { std::ofstream(dir + "/pods.conf") << content; };

  EXPECT_FALSE(IsInForce(plugin, dir)) << "no configuration at all";
  EXPECT_FALSE(IsInForce(plugin, dir + "/nowhere"));
  configure(text);
  EXPECT_TRUE(IsInForce(plugin, dir));
  configure("{");
  EXPECT_TRUE(IsInForce(plugin, dir)) << "it may be the same";
  configure(R"({"cniVersion": "1.0.0", "name": "pods", "type": "second"})");
  EXPECT_FALSE(IsInForce(plugin, dir));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace davit::cni
