// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Tests of local containers with the command `davit`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/client/command.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {

// Each test has its own daemon, and removes its containers.
class LocalContainers : public OwnInstanceTest {
 protected:
  void SetUp() override { Davit({"pull", "--quiet", kBusybox}); }
  void TearDown() override {
    std::string ids = Davit({"ps", "-aq"});
    for (size_t begin = 0; begin < ids.size(); begin = ids.find('\n', begin) + 1)
      TryDavit({"rm", "-f", ids.substr(begin, ids.find('\n', begin) - begin)});
    OwnInstanceTest::TearDown();
  }

  client::CommandOutcome TryDavit(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {DAVIT_BUILD_BIN_DIR "/davit", "--address", "unix://" + instance().socket()});
    return client::Run(arguments);
  }
  std::string Davit(const std::vector<std::string>& arguments) {
    client::CommandOutcome outcome = TryDavit(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << ::testing::PrintToString(arguments) << "\n" << outcome.output;
    return outcome.output;
  }
  // Of `run --rm` of a shell script with more options.
  std::string RunScript(const std::string& script, std::vector<std::string> options = {}) {
    std::vector<std::string> words = {"run", "--rm"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {kBusybox, "sh", "-c", script});
    return Davit(words);
  }
  // A container that does nothing until it is stopped.
  void RunIdle(const std::string& name, std::vector<std::string> options = {}) {
    std::vector<std::string> words = {"run", "-d", "--name", name};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {kBusybox, "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"});
    Davit(words);
  }
  nlohmann::json Inspect(const std::string& name) {
    return nlohmann::json::parse(Davit({"inspect", name})).at(0);
  }
  std::string StateOf(const std::string& name) { return Inspect(name)["State"]["Status"].get<std::string>(); }
};

}  // namespace davit::e2e
