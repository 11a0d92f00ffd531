// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit update.

#include <nlohmann/json.hpp>

#include "tests/client/command.h"
#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class LocalUpdate : public LocalContainers {
 protected:
  // A limit of its own cgroup, as the container sees it, in v1 or v2.
  std::string Limit(const std::string& name, const std::string& v1, const std::string& v2) {
    return Davit(
        {"exec", name, "sh", "-c", "cat /sys/fs/cgroup/" + v1 + " 2>/dev/null || cat /sys/fs/cgroup/" + v2});
  }
  std::string Memory(const std::string& name) {
    return Limit(name, "memory/memory.limit_in_bytes", "memory.max");
  }
  std::string Pids(const std::string& name) { return Limit(name, "pids/pids.max", "pids.max"); }
};

TEST_F(LocalUpdate, ChangesARunningContainerAndItsNextRuns) {
  RunIdle("web", {"--memory", "64m"});
  EXPECT_EQ(Memory("web"), "67108864\n");
  EXPECT_EQ(Davit({"update", "--memory", "128m", "--pids-limit", "77", "--cpus", "0.5", "--cpu-shares", "512",
                   "web"}),
            "web\n");
  EXPECT_EQ(Memory("web"), "134217728\n");
  EXPECT_EQ(Pids("web"), "77\n");
  EXPECT_THAT(Limit("web", "cpu/cpu.cfs_quota_us", "cpu.max"), HasSubstr("50000"));
  Davit({"restart", "-t", "0", "web"});
  EXPECT_EQ(Memory("web"), "134217728\n");
  EXPECT_EQ(Pids("web"), "77\n");
  json host = Inspect("web")["HostConfig"];
  EXPECT_EQ(host["Memory"], 128 << 20);
  EXPECT_EQ(host["CpuShares"], 512);
  EXPECT_EQ(host["NanoCpus"], 500'000'000);
  Davit({"update", "--pids-limit", "-1", "web"});
  EXPECT_EQ(Pids("web"), "max\n");
}

TEST_F(LocalUpdate, APolicyHoldsFromTheNextEndOn) {
  RunIdle("web");
  Davit({"update", "--restart", "always", "web"});
  instance().Kill();
  instance().Restart();
  Reconnect();
  Davit({"exec", "web", "kill", "1"});
  WaitUntil("it runs again",
            [&] { return Inspect("web")["RestartCount"] == 1 && StateOf("web") == "running"; });
  Davit({"update", "--restart", "no", "web"});
  EXPECT_EQ(Inspect("web")["HostConfig"]["RestartPolicy"]["Name"], "no");
  Davit({"exec", "web", "kill", "1"});
  WaitUntil("it has ended", [&] { return StateOf("web") == "exited"; });
}

TEST_F(LocalUpdate, WhatCannotBeIsExplained) {
  RunIdle("web", {"--memory", "64m", "--memory-swap", "100m"});
  struct Case {
    std::vector<std::string> options;
    const char* text;
  };
  for (const auto& [options, text] :
       {Case{{}, "--memory 512m"}, Case{{"--memory", "1k"}, "6 MiB"},
        Case{{"--memory", "200m"}, "memory_swap_bytes"}, Case{{"--restart", "maybe"}, "unless-stopped"},
        Case{{"--cpuset-cpus", "4000"}, "cpuset"}}) {
    std::vector<std::string> words = {"update"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("web");
    client::CommandOutcome refused = TryDavit(words);
    EXPECT_EQ(refused.exit_code, 1) << text;
    EXPECT_THAT(refused.output, HasSubstr(text));
  }
  EXPECT_EQ(Inspect("web")["HostConfig"]["Memory"], 64 << 20);
  EXPECT_EQ(Davit({"update", "--memory", "200m", "--memory-swap", "300m", "web"}), "web\n");
}

}  // namespace
}  // namespace davit::e2e
